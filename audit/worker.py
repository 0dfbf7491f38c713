"""The audit worker: a process that seals, anchors and verifies the audit log.

A thread of the server would slow its requests, since threads of one process take turns at running Python. So each
server process waits for a lock, and its holder starts the worker, again whenever it ended. A pipe between the two
closes when the server process ends, however that happens, and ends the worker. After each round the worker touches a
file, so that monitoring sees that it lives.
"""

import fcntl
import logging
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit.anchoring import channels
from audit.sealing import database_role
from audit.sealing.sealer import LedgerCorrupted, Sealer, SealingInProgress
from audit.sealing.signing_keys import SigningKeyError
from audit.verification import runs as verification_runs
from reprotech.core.background import PeriodicThread, start_command

logger = logging.getLogger(__name__)

#: Before each start, so that the server's first answers don't wait for it.
RESTART_SECONDS = 1
#: After a failed start, as on a full disk.
RETRY_SECONDS = 5
#: Lower priority than the server's processes, where these outnumber the cores.
NICENESS = 5
VERIFICATION_CHECK_SECONDS = 60

#: What apps above do in this process: each gives its threads, which aren't started yet.
THREADS_OF_OTHERS: list[Callable[[], list[PeriodicThread]]] = []


def is_needed() -> bool:
    return bool(settings.AUDIT_SIGNING_KEY and (settings.AUDIT_SEAL_SECONDS or settings.AUDIT_VERIFY_HOURS))


def run(heartbeat: Path | None = None) -> None:
    start_threads(heartbeat)
    channels.start()
    database_role.warn_of_excessive_rights()


def start() -> None:
    if is_needed():
        problem = "The audit worker can't be started. It is tried again."
        keeper = PeriodicThread("audit-worker", _keep_one, RETRY_SECONDS, problem=problem, expected=(OSError,))
        keeper.start()
        keeper.wake()


def _keep_one() -> None:
    with (_directory() / "audit-worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        while True:
            time.sleep(RESTART_SECONDS)
            status = start_process().wait()
            logger.error("The audit worker ended (exit status %s). It is started again.", status)


def _directory() -> Path:
    """One server's own; several of them may share that of the logs."""
    return Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or settings.LOG_DIR)


def last_round() -> float | None:
    """The time of the worker's last round, in seconds since 1970; None before the first."""
    with suppress(OSError):
        return _heartbeat().stat().st_mtime
    return None


def _heartbeat() -> Path:
    return _directory() / "audit-worker.heartbeat"


def start_process() -> "subprocess.Popen[bytes]":
    """Start the worker; it ends when its standard input is closed."""
    # Only processes that answer requests may leave their counters in the directory of metrics.
    environment = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    # Ctrl-C in a terminal is for the server, which then ends this one in order.
    words = ("--until-closed", f"--heartbeat={_heartbeat()}")
    return start_command("audit_worker", *words, niceness=NICENESS, stdin=subprocess.PIPE, env=environment)


def start_threads(heartbeat: Path | None = None) -> None:
    """Start a thread that seals every few seconds and one that verifies now and then, as settings ask for."""

    def verify() -> None:
        _verify()
        _beat(heartbeat)

    if settings.AUDIT_SIGNING_KEY and settings.AUDIT_SEAL_SECONDS:
        sealing_thread(heartbeat).start()
    if settings.AUDIT_SIGNING_KEY and settings.AUDIT_VERIFY_HOURS:
        PeriodicThread(
            "audit-watch",
            verify,
            VERIFICATION_CHECK_SECONDS,
            problem="The audit log can't be verified at the moment.",
            recovered="The audit log is verified again.",
        ).start()
    for threads in THREADS_OF_OTHERS:
        for thread in threads():
            thread.start()


def _beat(heartbeat: Path | None) -> None:
    if heartbeat:
        with suppress(OSError):
            heartbeat.touch()


def sealing_thread(heartbeat: Path | None = None) -> PeriodicThread:
    sealer = Sealer()

    def seal() -> None:
        # Another server's worker or a command seals at this moment; the next turn is soon enough.
        with suppress(SealingInProgress):
            sealer.seal()
        _beat(heartbeat)

    return PeriodicThread(
        "audit-sealer",
        seal,
        settings.AUDIT_SEAL_SECONDS,
        problem="The audit log can't be sealed at the moment.",
        fatal=(SigningKeyError, LedgerCorrupted),
    )


def _verify() -> None:
    if verification_runs.is_due():
        verification = verification_runs.start_full_verification()
        # The verification takes long, and this thread needs no connection meanwhile.
        connection.close()
        if verification:
            verification.join()
    else:
        verification_runs.verify_incrementally()
