"""Counters that all processes share, and how many events each allows.

Through Redis, where counting is atomic. Without Redis, or while it is out of reach, the processes of one server count
in a file that they share, and a single one in its memory. Calls with tokens, which would make that file a bottleneck,
each process counts by itself then.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TypeVar, cast
from uuid import UUID

from django.conf import settings
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage, storage_from_string

from accounts.core.client_networks import client_network
from accounts.throttling.shared_counters import PATH_VARIABLE, FileStorage
from reprotech.core.circuit_breaker import CircuitBreaker
from reprotech.core.exceptions import TooManyAttempts

#: What part of the calls that a session has left a process counts before it tells the others.
LOCAL_FRACTION = 64
#: Sessions whose calls a process counts, of which it forgets all when they are more.
MAX_LOCAL_COUNTS = 10_000

Result = TypeVar("Result")

_outage = CircuitBreaker("The rate limits' Redis", seconds=5)
_file_outage = CircuitBreaker("The file of counters", seconds=5)
_memory = MemoryStorage()


@cache
def _redis() -> RedisStorage:
    seconds = settings.REDIS_TIMEOUT
    timeouts = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    return cast("RedisStorage", storage_from_string(settings.REDIS_URL, wrap_exceptions=True, **timeouts))


@cache
def _file(path: str) -> FileStorage:
    return FileStorage(path)


@cache
def _limit(name: str) -> RateLimitItem:
    return parse(settings.RATE_LIMITS[name])


def _with_storage(use: Callable[[Storage], Result], *, is_call: bool = False) -> Result:
    if settings.REDIS_URL and not _outage.is_open:
        try:
            return use(_redis())
        except StorageError as error:
            _outage.trip(error)
    path = os.environ.get(PATH_VARIABLE)
    if path and not is_call and not _file_outage.is_open:
        try:
            return use(_file(path))
        except StorageError as error:
            _file_outage.trip(error)
    return use(_memory)


def count(name: str, identifier: str, amount: int = 1, *, doublings: int = 0) -> None:
    """Count an event; raises TooManyAttempts when there were too many within the limit's window.

    A window that begins now lasts twice as long for each of the `doublings`.
    """
    if not settings.RATE_LIMIT_ENABLED:
        return
    limit = _limit(name)
    key = limit.key_for(name, identifier)

    def use(storage: Storage) -> int:
        # Counting comes first and deciding second, so that parallel attempts can't all see room.
        counted = int(storage.incr(key, limit.get_expiry() << doublings, amount=amount))
        if counted < 0:
            storage.clear(key)  # what is given back here was counted elsewhere, before an outage or after it
        if counted <= limit.amount:
            return 0
        return math.ceil(storage.get_expiry(key) - time.time())

    if retry_after := _with_storage(use, is_call=name == "token"):
        raise TooManyAttempts(retry_after)


def increment(name: str, identifier: str, amount: int = 1) -> None:
    """Count an event, or take one back, and refuse nothing."""
    with contextlib.suppress(TooManyAttempts):
        count(name, identifier, amount)


def times_exceeded(name: str, identifier: str) -> int:
    """How many times as many events there were in the present window as the limit allows, rounded down."""
    limit = _limit(name)
    counted = _with_storage(lambda storage: int(storage.get(limit.key_for(name, identifier))))
    return max(counted, 0) // limit.amount


def is_exceeded(name: str, identifier: str) -> bool:
    """Whether the next event would be refused."""
    return settings.RATE_LIMIT_ENABLED and times_exceeded(name, identifier) > 0


def clear(name: str, identifier: str) -> None:
    """Begin anew."""
    _with_storage(lambda storage: storage.clear(_limit(name).key_for(name, identifier)))


def is_first_refusal(identifier: str, address: str) -> bool:
    """Whether this is the first refusal of its kind from this address within a window."""
    try:
        count("refused_login", f"{identifier} {client_network(address)}")
    except TooManyAttempts:
        return False
    return True


def count_reset_request(address: str) -> None:
    """Count a request for a link to choose a new password; raises TooManyAttempts."""
    count("reset_address", client_network(address))


def count_reset_link(user_id: int) -> None:
    """Count a link that is about to be mailed to a user who asked for it; raises TooManyAttempts."""
    count("reset_account", str(user_id))


def count_email_change(user_id: int) -> None:
    """Count a confirmation that is about to be mailed to whatever address a user gave; raises TooManyAttempts."""
    count("email_change", str(user_id))


def count_password_proof(user_id: int) -> None:
    """Count a present password that a signed-in user gives, right or wrong; raises TooManyAttempts."""
    count("password_proof", str(user_id))


def count_call(session_id: UUID) -> None:
    """Count an API call with a session's token or with an API key, by its id; raises TooManyAttempts."""
    count("token", str(session_id))


@dataclass(slots=True)
class _LocalCount:
    """Calls of a session that no other process knows of yet, and how many there may be."""

    calls: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class CallCounter:
    """A session's count of calls in Redis, what to add to it, and its seconds."""

    name: str
    amount: int
    seconds: int


_local_counts: dict[UUID, _LocalCount] = {}
_lock = Lock()


def count_locally(session_id: UUID) -> bool:
    """Count a call in this process alone; False, and nothing is counted, when it's time to tell the others.

    A process counts by itself a small part of what is left, so somewhat more calls pass when several are asked, by less
    than a fiftieth for each. One alone is exact.
    """
    if not settings.RATE_LIMIT_ENABLED:
        return True
    with _lock:
        tally = _local_counts.get(session_id)
        if tally is None or tally.calls >= tally.most:
            return False
        tally.calls += 1
        return True


def call_counter(session_id: UUID) -> CallCounter | None:
    """How to count a call, and those that were counted here, for whoever asks Redis something anyway.

    None where calls are not counted, or not in Redis.
    """
    if not settings.RATE_LIMIT_ENABLED or not settings.REDIS_URL or _outage.is_open:
        return None
    limit, counted_here = _limit("token"), 0
    with _lock:
        if tally := _local_counts.get(session_id):
            counted_here, tally.calls = tally.calls, 0
    name = _redis().prefixed_key(limit.key_for("token", str(session_id)))
    return CallCounter(name, counted_here + 1, limit.get_expiry())


def enforce_call_limit(session_id: UUID, counted: int | None) -> None:
    """Refuse a call that was counted in `call_counter`, or count it now; raises TooManyAttempts."""
    limit = _limit("token")
    if counted is None:
        count_call(session_id)
    elif counted:
        with _lock:
            if len(_local_counts) >= MAX_LOCAL_COUNTS:
                _local_counts.clear()
            _local_counts.setdefault(session_id, _LocalCount()).most = max(limit.amount - counted, 0) // LOCAL_FRACTION
        if counted > limit.amount:
            key = limit.key_for("token", str(session_id))
            left = _with_storage(lambda storage: math.ceil(storage.get_expiry(key) - time.time()), is_call=True)
            raise TooManyAttempts(max(left, 1))


def reset() -> None:
    """Forget all counters and outages."""
    _outage.reset()
    _file_outage.reset()
    _with_storage(lambda storage: storage.reset())
    _memory.reset()
    _local_counts.clear()
