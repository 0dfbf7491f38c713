"""A flag in the database that makes every process bypass the session cache.

It is raised when an invalidation can't be published in Redis. This process may be the only one that notices: only its
own connection is down, or Redis can be read but not written to, as when its memory or its disk is full. The caller is
answered once every other process must have seen the flag: none uses a snapshot without having read it within the last
second.
"""

import logging
import time
from datetime import timedelta
from threading import Lock

from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.db.models.functions import Now

from accounts.models import SpentOnce

logger = logging.getLogger(__name__)

#: How long an answer holds: that the flag is down, and that it is raised.
CHECK_SECONDS, RECHECK_SECONDS = 1, 5
#: After which no process relies on an older answer.
PROPAGATION_SECONDS = 1.2
#: How long the flag stays raised, by the database's clock, and what must be left of it for one more change: more than
#: the life of any snapshot.
RAISED_SECONDS, MIN_REMAINING_SECONDS = 120, 60
#: Its row in the table of consumed values, which has the two columns that it needs.
ROW_NAME = "doubt about cached sessions"


class BypassFlag:
    """The flag as this process knows it, with its answers by this process's own clock."""

    def __init__(self) -> None:
        self._lock = Lock()
        #: Until when an answer holds.
        self._clear_until = self._raised_until = 0.0
        #: When a flag that this process raised is known everywhere, and when it is over.
        self._propagated_at = self._expires_at = 0.0

    def is_raised(self) -> bool:
        """Whether the cache must be bypassed; a query, unless the last answer holds."""
        now = time.monotonic()
        if now < self._clear_until or now < self._raised_until:
            return now >= self._clear_until
        if SpentOnce.objects.filter(pk=ROW_NAME, expires_at__gt=Now()).exists():
            self._raised_until = now + RECHECK_SECONDS
            return True
        self._clear_until = now + CHECK_SECONDS
        return False

    def raise_flag(self) -> None:
        """Return once every process bypasses the cache. Call it after the commit, before the change is acknowledged."""
        with self._lock:
            if self._expires_at - time.monotonic() < MIN_REMAINING_SECONDS:
                logger.warning("A change can't be announced in Redis: no sessions are cached for %s s.", RAISED_SECONDS)
                end = ExpressionWrapper(Now() + Value(timedelta(seconds=RAISED_SECONDS)), DateTimeField())
                SpentOnce.objects.update_or_create(pk=ROW_NAME, defaults={"expires_at": end})
                now = time.monotonic()
                self._propagated_at, self._expires_at = now + PROPAGATION_SECONDS, now + RAISED_SECONDS
        time.sleep(max(0.0, self._propagated_at - time.monotonic()))

    def reset(self) -> None:
        """Forget all answers, as a process that has just started."""
        self._clear_until = self._raised_until = self._propagated_at = self._expires_at = 0.0
