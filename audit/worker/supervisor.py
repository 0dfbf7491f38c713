"""The audit worker: a process that seals, anchors and verifies the audit log.

A thread of the server would slow its requests, since threads of one process take turns at running Python. So each
server process waits for a lock, and its holder starts the worker, again whenever it ended. A pipe between the two
closes when the server process ends, however that happens, and ends the worker.
"""

import fcntl
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from audit.anchoring import channels
from audit.sealing import database_role
from audit.worker import tasks
from reprotech.core.background import PeriodicThread

logger = logging.getLogger(__name__)

#: Before each start, so that the server's first answers don't wait for it.
RESTART_SECONDS = 1
#: After a failed start, as on a full disk.
RETRY_SECONDS = 5
#: Lower priority than the server's processes, where these outnumber the cores.
NICENESS = 5


def is_needed() -> bool:
    return bool(settings.AUDIT_SIGNING_KEY and (settings.AUDIT_SEAL_SECONDS or settings.AUDIT_VERIFY_HOURS))


def run() -> None:
    for work in (tasks, channels):
        work.start()
    database_role.warn_of_excessive_rights()


def start() -> None:
    if is_needed():
        problem = "The audit worker can't be started. It is tried again."
        keeper = PeriodicThread("audit-worker", _keep_one, RETRY_SECONDS, problem=problem, expected=(OSError,))
        keeper.start()
        keeper.wake()


def _keep_one() -> None:
    # The directory is one server's own; several of them may share that of the logs.
    directory = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or settings.LOG_DIR)
    with (directory / "audit-worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        while True:
            time.sleep(RESTART_SECONDS)
            status = start_process().wait()
            logger.error("The audit worker ended (exit status %s). It is started again.", status)


def start_process() -> "subprocess.Popen[bytes]":
    """Start the worker; it ends when its standard input is closed."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "audit_worker", "--until-closed"]
    # Only processes that answer requests may leave their counters in the directory of metrics.
    environment = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    return subprocess.Popen(  # noqa: S603 (all of it is ours)  # nosec B603, B607
        ["nice", "-n", str(NICENESS), *command],  # noqa: S607
        stdin=subprocess.PIPE,
        env=environment,
        # Ctrl-C in a terminal is for the server, which then ends this one in order.
        start_new_session=True,
    )
