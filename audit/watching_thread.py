"""The audit worker's watch over the log: a thread that verifies it now and then."""

import logging
from threading import Event, Thread

from django.conf import settings
from django.db import connection

from audit import watch

logger = logging.getLogger(__name__)

PAUSE = 60  # seconds


def start() -> None:
    """Watch in the background as long as the process lives, if settings say so."""
    if settings.AUDIT_VERIFY_HOURS and settings.AUDIT_SIGNING_KEY:
        Thread(target=_run, name="audit-watch", daemon=True).start()


def _run() -> None:
    pause = Event()
    while not pause.wait(PAUSE):
        try:
            _look()
        except Exception:
            logger.exception("The audit log can't be verified at the moment.")
        finally:
            connection.close()


def _look() -> None:
    if watch.is_due():
        verification = watch.verify_all_apart()
        connection.close()
        if verification:
            verification.join()
    else:
        watch.verify_news()
