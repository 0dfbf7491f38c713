"""The audit worker's watch over the log: a thread that verifies it now and then."""

from django.conf import settings
from django.db import connection

from audit import watch
from reprotech.core.background import PeriodicThread

PAUSE = 60  # seconds


def start() -> None:
    """Watch in the background as long as the process lives, if settings say so."""
    if settings.AUDIT_VERIFY_HOURS and settings.AUDIT_SIGNING_KEY:
        PeriodicThread(
            "audit-watch",
            _look,
            PAUSE,
            problem="The audit log can't be verified at the moment.",
            recovered="The audit log is verified again.",
        ).start()


def _look() -> None:
    if watch.is_due():
        verification = watch.verify_all_apart()
        connection.close()
        if verification:
            verification.join()
    else:
        watch.verify_news()
