"""What the server does now and then, in a thread of each of its processes, whichever comes first."""

import logging
from threading import Event, Thread

from django.db import connection

from accounts import counts, daily, places

logger = logging.getLogger(__name__)

PAUSE = 60  # seconds


def start() -> None:
    """Begin, for as long as the process lives."""
    if counts.is_kept():
        Thread(target=_run, name="upkeep", daemon=True).start()


def _run() -> None:
    pause = Event()
    while not pause.wait(PAUSE):
        try:
            counts.fold()
            daily.fold()
            places.keep_up()
        except Exception:
            logger.exception("The list of users can't be kept up at the moment.")
        finally:
            connection.close()
