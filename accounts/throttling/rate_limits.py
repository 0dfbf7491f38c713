"""Rate limits, with counters that all processes share.

They are in Redis, where counting is atomic. Without Redis, or while it can't be reached, the processes of one server
share a file, and a single process counts in memory, as each does for API calls, for which the file would be too slow.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar, cast

from django.conf import settings
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage, storage_from_string
from redis.exceptions import RedisError

from accounts.core.client_networks import client_network
from accounts.throttling.shared_counters import PATH_VARIABLE, FileStorage
from reprotech.core.circuit_breaker import CircuitBreaker
from reprotech.core.exceptions import TooManyAttempts

#: The limit of calls with tokens and API keys.
CALLS = "token"

Result = TypeVar("Result")

#: While Redis fails, each request would otherwise wait for its timeout.
_breaker = CircuitBreaker("The rate limits' Redis", seconds=5)
_file_breaker = CircuitBreaker("The file of counters", seconds=5)
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
def limit_of(name: str) -> RateLimitItem:
    return parse(settings.RATE_LIMITS[name])


def _with_storage(name: str, use: Callable[[Storage], Result]) -> Result:
    if settings.REDIS_URL and not _breaker.is_open:
        try:
            return use(_redis())
        except StorageError as error:
            _breaker.trip(error)
    path = os.environ.get(PATH_VARIABLE)
    if path and name != CALLS and not _file_breaker.is_open:
        try:
            return use(_file(path))
        except StorageError as error:
            _file_breaker.trip(error)
    return use(_memory)


def count(name: str, identifier: str, amount: int = 1, *, backoff: int = 0) -> None:
    """Count an event; raises TooManyAttempts when there were too many within the limit's window.

    A window that begins now lasts twice as long for each step of `backoff`.
    """
    if not settings.RATE_LIMIT_ENABLED:
        return
    limit = limit_of(name)
    key = limit.key_for(name, identifier)

    def use(storage: Storage) -> int:
        # Counting comes first and deciding second, so that parallel attempts can't all see room.
        counted = int(storage.incr(key, limit.get_expiry() << backoff, amount=amount))
        if counted < 0:
            storage.clear(key)  # what is refunded here was counted in another storage, before or after an outage
        return 0 if counted <= limit.amount else _seconds_left(storage, key)

    if retry_after := _with_storage(name, use):
        raise TooManyAttempts(retry_after)


def increment(name: str, identifier: str, amount: int = 1) -> None:
    """Count an event, or refund one, and refuse nothing."""
    with contextlib.suppress(TooManyAttempts):
        count(name, identifier, amount)


def times_exceeded(name: str, identifier: str) -> int:
    """How many times the present window's events are the limit's, rounded down."""
    limit = limit_of(name)
    counted = _with_storage(name, lambda storage: int(storage.get(limit.key_for(name, identifier))))
    return max(counted, 0) // limit.amount


def is_exceeded(name: str, identifier: str) -> bool:
    """Whether the next event would be refused."""
    return settings.RATE_LIMIT_ENABLED and times_exceeded(name, identifier) > 0


def exceeded_of(name: str, identifiers: Sequence[str]) -> set[str]:
    """Those of which the next event would be refused, read at once."""
    if not settings.RATE_LIMIT_ENABLED or not identifiers:
        return set()
    limit = limit_of(name)
    keys = [limit.key_for(name, identifier) for identifier in identifiers]
    counted = _with_storage(name, lambda storage: _counts_of(storage, keys))
    return {identifier for identifier, number in zip(identifiers, counted, strict=True) if number >= limit.amount}


def seconds_left(name: str, identifier: str) -> int:
    """Until the present window ends."""
    return _with_storage(name, lambda storage: _seconds_left(storage, limit_of(name).key_for(name, identifier)))


def clear(name: str, identifier: str) -> None:
    _with_storage(name, lambda storage: storage.clear(limit_of(name).key_for(name, identifier)))


def redis_key(name: str, identifier: str) -> str | None:
    """The key in Redis that counts these events; None where they are not counted, or not in Redis."""
    if not settings.RATE_LIMIT_ENABLED or not settings.REDIS_URL or _breaker.is_open:
        return None
    return _redis().prefixed_key(limit_of(name).key_for(name, identifier))


def is_first_refusal(identifier: str, address: str) -> bool:
    """Whether this is the first refusal of its kind from this address within a window."""
    try:
        count("refused_login", f"{identifier} {client_network(address)}")
    except TooManyAttempts:
        return False
    return True


def reset() -> None:
    """Reset all counters, and try Redis and the file again."""
    _breaker.reset()
    _file_breaker.reset()
    _with_storage("", lambda storage: storage.reset())
    _memory.reset()


def _counts_of(storage: Storage, keys: Sequence[str]) -> list[int]:
    if isinstance(storage, FileStorage):
        return storage.get_all(keys)
    if not isinstance(storage, RedisStorage):
        return [int(storage.get(key)) for key in keys]
    try:
        return [int(found or 0) for found in storage.storage.mget([storage.prefixed_key(key) for key in keys])]
    except RedisError as error:
        raise StorageError(error) from error


def _seconds_left(storage: Storage, key: str) -> int:
    # Rounded up: a client that waits so long must not be refused again.
    return math.ceil(storage.get_expiry(key) - time.time())
