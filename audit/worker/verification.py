"""The audit worker's watch over the log: a thread that verifies it now and then."""

from django.conf import settings
from django.db import connection

from audit.verification import runs as verification_runs
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
    if verification_runs.is_due():
        verification = verification_runs.start_full_verification()
        connection.close()
        if verification:
            verification.join()
    else:
        verification_runs.verify_incrementally()
