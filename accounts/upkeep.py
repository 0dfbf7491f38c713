"""What the server does now and then, in a thread of each of its processes, whichever comes first."""

import logging
from threading import Event, Thread

from django.db import connection

from accounts import counts, daily, places, session_cache
from accounts.services import expired_sessions, former_names

logger = logging.getLogger(__name__)

#: Seconds: what ends by itself is on record within a minute.
PAUSE = 30


def start() -> None:
    """Begin, for as long as the process lives."""
    Thread(target=_run, name="upkeep", daemon=True).start()


def _run() -> None:
    _renew_key()
    pause = Event()
    while not pause.wait(PAUSE):
        # Redis keeps for a process what it has not read, and one that nobody asks would never read it.
        session_cache.catch_up()
        _end_sessions()
        if counts.is_kept():
            _keep_up_lists()


def _renew_key() -> None:
    try:
        former_names.renew_key()
    except Exception:
        logger.exception("The key of erased usernames can't be looked at.")
    finally:
        connection.close()


def _end_sessions() -> None:
    try:
        expired_sessions.end_expired_sessions()
    except Exception:
        logger.exception("Sessions that are over can't be put on record at the moment.")
    finally:
        connection.close()


def _keep_up_lists() -> None:
    try:
        counts.fold()
        daily.fold()
        places.keep_up()
    except Exception:
        logger.exception("The list of users can't be kept up at the moment.")
    finally:
        connection.close()
