"""The WSGI application as granian's worker processes load it."""

import gc
import logging
import multiprocessing
import os
import signal
import time
from multiprocessing.util import Finalize
from threading import Thread

# A worker begins as a copy of granian's main process, with that one's signal handlers until it serves. Told to stop
# while it still loads the application it would not hear it, and the server would end only when patience runs out.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
# Ctrl-C in a terminal reaches every process, and then the main one tells the workers to stop. Of two signals at once a
# worker loses both, so it hears only the main process. Blocked, since granian still sets its handler.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

from reprotech.server import graceful_shutdown  # noqa: E402

graceful_shutdown.install()

from reprotech import wsgi  # noqa: E402, I001 (starts Django, without which no model can be imported)
from accounts.notifications import outbox  # noqa: E402
from accounts import housekeeping  # noqa: E402
from audit.worker import supervisor as audit_worker  # noqa: E402
from reprotech.monitoring import pool_metrics  # noqa: E402

#: Seconds between two looks for the main process, and that requests get to be finished once it is gone.
PARENT_POLL_SECONDS, FINISH_SECONDS = 1, 10
#: Objects made and not let go of, after which the garbage collector looks for what holds only itself: requests leave
#: next to nothing of that kind, and it would look every few of them.
GC_THRESHOLD = 10_000


def exit_with_parent(main: int) -> None:
    """End when the main process is gone without a word, as after `kill -9` or for want of memory.

    Workers that outlived it would go on with nobody to replace or stop them, and keep a new server from starting.
    """
    while os.getppid() == main:
        time.sleep(PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FINISH_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if parent := multiprocessing.parent_process():
    Thread(target=exit_with_parent, args=[parent.pid], name="end-with-main", daemon=True).start()
# A worker ends as a child of multiprocessing does, which runs nothing but this.
Finalize(None, logging.shutdown, exitpriority=0)
outbox.start()
housekeeping.start()
audit_worker.start()
pool_metrics.start()
gc.set_threshold(GC_THRESHOLD, 20, 20)

application = graceful_shutdown.close_when_draining(wsgi.application)
