"""Doubt about what is cached of sessions, spread by way of the database.

A change is announced in Redis, so that no process goes on using what it keeps there. Where that fails, the process may
be the only one that notices: a cable of its own is out, or Redis can be read but not written to, as when its memory or
its disk is full. So it says in the database that there is doubt, and nobody is told of the change before every other
process must have seen that: none uses a snapshot without having asked the database within the last second.
"""

import logging
import time
from datetime import timedelta
from threading import Lock

from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.db.models.functions import Now

from accounts.models import SpentOnce

logger = logging.getLogger(__name__)

#: For so many seconds an answer holds: that there is none, and that there is.
CHECK_SECONDS, RECHECK_SECONDS = 1, 5
#: After which no process relies on an older answer.
PROPAGATION_SECONDS = 1.2
#: How long doubt lasts, by the database's clock, and what must be left of it for one more change: more than the life
#: of any snapshot.
RAISED_SECONDS, MIN_REMAINING_SECONDS = 120, 60
#: A row among what is good once: a name and an end are all that it needs.
ROW_NAME = "doubt about cached sessions"

_lock = Lock()
#: By this process's own clock: until when an answer holds, and when the doubt that it spread is everywhere and over.
_clear_until = _raised_until = 0.0
_propagated_at = _expires_at = 0.0


def is_raised() -> bool:
    """Whether what is cached may not be used; a query, unless the last answer holds."""
    global _clear_until, _raised_until  # noqa: PLW0603 (one for each process)
    asked = time.monotonic()
    if asked < _clear_until or asked < _raised_until:
        return asked >= _clear_until
    if SpentOnce.objects.filter(pk=ROW_NAME, expires_at__gt=Now()).exists():
        _raised_until = asked + RECHECK_SECONDS
        return True
    _clear_until = asked + CHECK_SECONDS
    return False


def raise_flag() -> None:
    """Return once every process doubts. Called when a change is committed, before anybody is told of it."""
    global _propagated_at, _expires_at
    with _lock:
        if _expires_at - time.monotonic() < MIN_REMAINING_SECONDS:
            logger.warning("A change can't be announced in Redis: no sessions are cached for %s s.", RAISED_SECONDS)
            end = ExpressionWrapper(Now() + Value(timedelta(seconds=RAISED_SECONDS)), DateTimeField())
            SpentOnce.objects.update_or_create(pk=ROW_NAME, defaults={"expires_at": end})
            now = time.monotonic()
            _propagated_at, _expires_at = now + PROPAGATION_SECONDS, now + RAISED_SECONDS
    time.sleep(max(0.0, _propagated_at - time.monotonic()))


def reset() -> None:
    """Begin anew, as a process that has just started does."""
    global _clear_until, _raised_until, _propagated_at, _expires_at  # noqa: PLW0603 (as above)
    _clear_until = _raised_until = _propagated_at = _expires_at = 0.0
