"""Counters of a process on a disk that may be full.

The Prometheus library maps its files into memory without reserving their space: the first number for which the disk has
no room left ends the process with a SIGBUS, and each that takes its place. Here space is reserved before it is used,
and without any the numbers stay in memory, where no scrape finds them.
"""

import os
from contextlib import suppress
from mmap import mmap
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

#: Enough for every route with its statuses, so that a file hardly ever grows.
SIZE = 1_048_576
#: What an entry has beside its name.
OVERHEAD = 32


class ReservedDict(MmapedDict):
    """A file of counters whose space is its own."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        is_safe = read_mode or reserve(Path(filename))
        super().__init__(filename if is_safe else f"/proc/self/fd/{new_memory()}", read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + OVERHEAD > self._capacity:
            self._reserve_double()
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _reserve_double(self) -> None:
        try:
            os.posix_fallocate(self._f.fileno(), 0, self._capacity * 2)
        except OSError:
            memory = os.fdopen(new_memory(), "r+b")
            memory.write(self._m[:])
            memory.flush()
            with suppress(OSError):
                Path(self._fname).unlink()  # a scrape would find these numbers standing still
            self._f, self._m = memory, mmap(memory.fileno(), self._capacity)


def reserve(path: Path) -> bool:
    """Make a file with all of its space; False, and no file, where there is none."""
    try:
        with path.open("ab") as file:
            if file.tell() == 0:
                os.posix_fallocate(file.fileno(), 0, SIZE)
    except OSError:
        with suppress(OSError):
            path.unlink()
        return False
    return True


def new_memory() -> int:
    """A descriptor of a file in memory."""
    return os.memfd_create("metrics")


def use() -> None:
    """Make their directory, and have the library use such files where the system can. Before anything is counted."""
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        with suppress(OSError):
            Path(directory).mkdir(parents=True, exist_ok=True)
    if hasattr(os, "posix_fallocate") and hasattr(os, "memfd_create"):
        values.MmapedDict = ReservedDict  # type: ignore[attr-defined]


def remove() -> None:
    """Remove what a server kept in their directory, once its processes are gone; and the directory, if it may."""
    if not (name := os.environ.get("PROMETHEUS_MULTIPROC_DIR")):
        return
    directory = Path(name)
    with suppress(OSError):
        for path in (*directory.glob("*.db"), directory / "audit-worker.lock"):
            path.unlink(missing_ok=True)
        directory.rmdir()
