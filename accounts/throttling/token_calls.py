"""The limit of API calls with a session's token or an API key, counted with as few round trips as possible."""

from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from django.conf import settings

from accounts.throttling import rate_limits
from accounts.throttling.rate_limits import CALLS
from reprotech.core.exceptions import TooManyAttempts

#: What part of the calls that a session has left a process counts before it tells the others. With several processes
#: somewhat more calls pass, by less than a fiftieth for each; one alone is exact.
LOCAL_FRACTION = 64
#: Sessions whose calls a process counts; all are forgotten when they are more.
MAX_LOCAL_COUNTS = 10_000


@dataclass(slots=True)
class _LocalCount:
    """Calls of a session that no other process knows of yet, and how many there may be."""

    calls: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class CallCounter:
    """A session's count of calls in Redis, what to add to it, and the seconds of its window."""

    name: str
    amount: int
    seconds: int


_local_counts: dict[UUID, _LocalCount] = {}
_lock = Lock()


def count_call(session_id: UUID) -> None:
    """Count an API call with a session's token or with an API key, by its id; raises TooManyAttempts."""
    rate_limits.count(CALLS, str(session_id))


def count_locally(session_id: UUID) -> bool:
    """Count a call in this process alone; False, and nothing is counted, when the others must be told."""
    if not settings.RATE_LIMIT_ENABLED:
        return True
    with _lock:
        count = _local_counts.get(session_id)
        if count is None or count.calls >= count.limit:
            return False
        count.calls += 1
        return True


def call_counter(session_id: UUID) -> CallCounter | None:
    """How to count a call, and those that were counted locally, along with another question to Redis.

    None where calls are not counted, or not in Redis.
    """
    key = rate_limits.redis_key(CALLS, str(session_id))
    if key is None:
        return None
    counted_locally = 0
    with _lock:
        if count := _local_counts.get(session_id):
            # If Redis fails now they go uncounted: at most a 64th of what was left.
            counted_locally, count.calls = count.calls, 0
    return CallCounter(key, counted_locally + 1, rate_limits.limit_of(CALLS).get_expiry())


def enforce_call_limit(session_id: UUID, counted: int | None) -> None:
    """Refuse a call that was counted with `call_counter`, or count it now; raises TooManyAttempts."""
    if counted is None:
        count_call(session_id)
    elif counted:
        limit = rate_limits.limit_of(CALLS)
        with _lock:
            if len(_local_counts) >= MAX_LOCAL_COUNTS:
                _local_counts.clear()
            left = max(limit.amount - counted, 0)
            _local_counts.setdefault(session_id, _LocalCount()).limit = left // LOCAL_FRACTION
        if counted > limit.amount:
            raise TooManyAttempts(max(rate_limits.seconds_left(CALLS, str(session_id)), 1))


def reset() -> None:
    """Forget what was counted in this process."""
    _local_counts.clear()
