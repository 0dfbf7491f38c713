"""Keeps the history up to date and checks it each night, in the audit worker's process."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from access_history.checking.outcome import record_check
from access_history.projection.catch_up import catch_up
from access_history.projection.progress import read_state
from reprotech.core.background import PeriodicThread

logger = logging.getLogger(__name__)

CATCH_UP_SECONDS = 1
CHECK_SECONDS = 600
CHECK_INTERVAL = timedelta(days=1)
#: A history that is being built, or that lacks what is written at this moment, is checked once it has all.
LONGEST_DELAY = timedelta(hours=1)


def threads() -> list[PeriodicThread]:
    return [
        PeriodicThread(
            "access-history",
            lambda: catch_up(None),
            CATCH_UP_SECONDS,
            problem="The access history can't be brought up to date at the moment.",
            recovered="The access history is brought up to date again.",
        ),
        PeriodicThread(
            "access-history-check",
            check_if_due,
            CHECK_SECONDS,
            problem="The access history can't be checked at the moment.",
            recovered="The access history is checked again.",
        ),
    ]


def check_if_due() -> None:
    """Compare the history with the log and the present tables once a day, as AUDIT_VERIFY_HOURS asks for the log."""
    if not settings.AUDIT_VERIFY_HOURS:
        return
    now, complete_to, state = timezone.now(), catch_up().complete_to, read_state()
    if complete_to is not None:
        if state.replayed_at is None or state.replayed_at > now - LONGEST_DELAY:
            return
        # As far as it goes: a transaction that stays open must not keep the check from running.
        logger.critical("The access history has stood still since %s: what writes the log hasn't ended.", complete_to)
    # One that is said to come, because the clock was set back or by a stranger, doesn't count.
    if state.checked_at is not None and now - CHECK_INTERVAL < state.checked_at <= now:
        return
    outcome = record_check()
    for sentence in outcome.sentences:
        logger.critical("The access history isn't what the audit log says: %s", sentence)
