"""The audit worker's threads: one seals every few seconds, one verifies now and then."""

from contextlib import suppress

from django.conf import settings
from django.db import connection

from audit.sealing.sealer import LedgerCorrupted, Sealer, SealingInProgress
from audit.sealing.signing_keys import SigningKeyError
from audit.verification import runs as verification_runs
from reprotech.core.background import PeriodicThread

VERIFICATION_CHECK_SECONDS = 60


def start() -> None:
    """Start the threads that settings ask for."""
    if settings.AUDIT_SIGNING_KEY and settings.AUDIT_SEAL_SECONDS:
        sealing_thread().start()
    if settings.AUDIT_SIGNING_KEY and settings.AUDIT_VERIFY_HOURS:
        PeriodicThread(
            "audit-watch",
            _verify,
            VERIFICATION_CHECK_SECONDS,
            problem="The audit log can't be verified at the moment.",
            recovered="The audit log is verified again.",
        ).start()


def sealing_thread() -> PeriodicThread:
    sealer = Sealer()

    def seal() -> None:
        # Another server's worker or a command seals at this moment; the next turn is soon enough.
        with suppress(SealingInProgress):
            sealer.seal()

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
