"""The audit worker's sealer: a thread that looks every few seconds for events to seal."""

from contextlib import suppress

from django.conf import settings

from audit.sealing.sealer import LedgerCorrupted, Sealer, SealingInProgress
from audit.sealing.signing_keys import SigningKeyError
from reprotech.core.background import PeriodicThread


def start() -> None:
    """Seal in the background as long as the process lives, if settings say so."""
    if settings.AUDIT_SEAL_SECONDS and settings.AUDIT_SIGNING_KEY:
        sealing_thread().start()


def sealing_thread() -> PeriodicThread:
    sealer = Sealer()

    def seal() -> None:
        with suppress(SealingInProgress):
            sealer.seal()

    return PeriodicThread(
        "audit-sealer",
        seal,
        settings.AUDIT_SEAL_SECONDS,
        problem="The audit log can't be sealed at the moment.",
        fatal=(SigningKeyError, LedgerCorrupted),
    )
