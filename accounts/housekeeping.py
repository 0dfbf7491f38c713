"""What the server does now and then, in a thread of each of its processes, whichever comes first."""

import logging
from threading import Thread

from django.db import connection

from accounts import session_cache
from accounts.sessions import expiry_events
from accounts.user_list import counters as user_list_counters
from accounts.user_list import daily_counters, page_index
from accounts.users import former_usernames
from reprotech.core.background import PeriodicThread

logger = logging.getLogger(__name__)

#: Seconds: what ends by itself is on record within a minute.
INTERVAL_SECONDS = 30


def start() -> None:
    """Begin, for as long as the process lives."""
    Thread(target=_reencrypt_username_key, name="username-key", daemon=True).start()
    PeriodicThread(
        "sessions",
        maintain_sessions,
        INTERVAL_SECONDS,
        problem="Sessions that are over can't be put on record at the moment.",
        recovered="Sessions that are over are put on record again.",
    ).start()
    if user_list_counters.is_supported():
        PeriodicThread(
            "user-lists",
            _maintain_user_lists,
            INTERVAL_SECONDS,
            problem="The list of users can't be kept up at the moment.",
            recovered="The list of users is kept up again.",
        ).start()


def _reencrypt_username_key() -> None:
    try:
        former_usernames.reencrypt_key()
    except Exception:
        logger.exception("The key of erased usernames can't be looked at.")
    finally:
        connection.close()


def maintain_sessions() -> None:
    """Read what Redis keeps for this process, which one that nobody asks would never do, and record what has ended."""
    session_cache.catch_up()
    expiry_events.end_expired_sessions()


def _maintain_user_lists() -> None:
    user_list_counters.compact()
    daily_counters.compact()
    page_index.refresh()
