"""Periodic maintenance, in threads of each server process."""

import logging
from threading import Thread

from django.db import connection

from accounts import session_cache
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.end_notices import send_end_notices
from accounts.access_periods.invitations import send_due_invitations
from accounts.sessions import services as session_services
from accounts.user_list import counters, page_index
from accounts.users import uniqueness
from reprotech.core.background import PeriodicThread

logger = logging.getLogger(__name__)

#: Short enough for an expired session to be recorded within a minute.
INTERVAL_SECONDS = 30


def start() -> None:
    """Start the threads, which end with the process."""
    Thread(target=_reencrypt_username_key, name="username-key", daemon=True).start()
    PeriodicThread(
        "sessions",
        maintain_sessions,
        INTERVAL_SECONDS,
        problem="Sessions that are over can't be put on record at the moment.",
        recovered="Sessions that are over are put on record again.",
    ).start()
    PeriodicThread(
        "access-periods",
        maintain_access_periods,
        INTERVAL_SECONDS,
        problem="Beginnings and ends of access can't be put on record at the moment. They count all the same.",
        recovered="Beginnings and ends of access are put on record again.",
    ).start()
    if counters.is_supported():
        PeriodicThread(
            "user-lists",
            _maintain_user_lists,
            INTERVAL_SECONDS,
            problem="The list of users can't be kept up at the moment.",
            recovered="The list of users is kept up again.",
        ).start()


def _reencrypt_username_key() -> None:
    try:
        uniqueness.reencrypt_key()
    except Exception:
        logger.exception("The key of erased usernames can't be looked at.")
    finally:
        # This thread's own: Django closes connections after requests only.
        connection.close()


def maintain_sessions() -> None:
    """Process the cache's invalidations, which a process without requests never would, and end expired sessions."""
    session_cache.catch_up()
    session_services.end_expired_sessions()


def maintain_access_periods() -> None:
    """Record what began and ended, then mail about what begins or ends soon."""
    record_boundaries()
    send_due_invitations()
    send_end_notices()


def _maintain_user_lists() -> None:
    counters.compact()
    page_index.refresh()
