"""The WSGI application as granian's worker processes load it."""

import gc
import logging
import multiprocessing
import os
import signal
import time
from multiprocessing.util import Finalize
from threading import Thread

# A forked worker has the main process's signal handlers until it serves. It would ignore SIGTERM while it loads the
# application, and the server would end only after its time-out.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
# Ctrl-C in a terminal reaches every process, and then the main one stops the workers. Of two signals at once a worker
# loses both, so it takes only the main process's. Blocked, since granian still sets its handler.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

from reprotech.server import graceful_shutdown  # noqa: E402

draining = graceful_shutdown.install()

from reprotech import wsgi  # noqa: E402, I001 (starts Django, without which no model can be imported)
from django.conf import settings  # noqa: E402
from access_requests import housekeeping as requests_housekeeping  # noqa: E402
from accounts.notifications import outbox  # noqa: E402
from accounts import housekeeping  # noqa: E402
from audit import worker as audit_worker  # noqa: E402
from reprotech.monitoring import metrics  # noqa: E402
from reprotech.settings_history import recording as settings_history  # noqa: E402
from reviews import housekeeping as reviews_housekeeping  # noqa: E402
from sso.ending import background as sso_background  # noqa: E402

#: Seconds between two checks of the main process, and for finishing requests once it is gone.
PARENT_POLL_SECONDS, FINISH_SECONDS = 1, 10
#: Requests leave next to no reference cycles, but the default would collect every few of them.
GC_THRESHOLD = 10_000


def exit_with_parent(main: int) -> None:
    """Exit when the main process was killed, as by `kill -9` or for want of memory."""
    # Workers that outlive it would never be replaced or stopped, and keep a new server from starting.
    while os.getppid() == main:
        time.sleep(PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FINISH_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if parent := multiprocessing.parent_process():
    Thread(target=exit_with_parent, args=[parent.pid], name="end-with-main", daemon=True).start()
# A child of multiprocessing runs only these finalizers when it exits, not `atexit`.
Finalize(None, logging.shutdown, exitpriority=0)
outbox.start()
housekeeping.start()
audit_worker.start()
sso_background.start()
reviews_housekeeping.start()
requests_housekeeping.start()
settings_history.start()
metrics.start_sampling_pool()
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    from reprotech.monitoring import tracing

    tracing.start()
gc.set_threshold(GC_THRESHOLD, 20, 20)

application = graceful_shutdown.close_when_draining(wsgi.application, draining)
