"""Removes what a server keeps in `run/` while it runs: counters and the lock of its port."""

import fcntl
import shutil
from contextlib import suppress
from pathlib import Path

RUN = Path(__file__).resolve().parent.parent / "run"


def remove_own(port: str) -> None:
    """Remove the files of the server on this port, whose lock the caller holds."""
    shutil.rmtree(RUN / f"metrics-{port}", ignore_errors=True)
    with suppress(OSError):
        lock_file(port).unlink()


def remove_abandoned() -> None:
    """Remove the files of killed servers."""
    ports = {path.stem.partition("-")[2] for path in (*RUN.glob("server-*.lock"), *RUN.glob("metrics-*"))}
    for port in ports:
        with suppress(OSError), lock_file(port).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_own(port)


def lock_file(port: str) -> Path:
    return RUN / f"server-{port}.lock"
