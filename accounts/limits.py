"""Lockout after wrong guesses, and the number of calls with one token.

Counters are shared by all processes through Redis, where counting is atomic. Without Redis, or while it is
out of reach, each process counts for itself: somewhat more guesses pass, but nobody is let in unchecked.
"""

import hashlib
import math
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar, cast
from uuid import UUID

from django.conf import settings
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string

from accounts.errors import TooManyAttempts
from accounts.outage import Outage

Result = TypeVar("Result")

_outage = Outage("The rate limits' Redis", seconds=5)
_memory = MemoryStorage()


@cache
def _redis() -> Storage:
    seconds = settings.REDIS_TIMEOUT
    timeouts = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    return cast("Storage", storage_from_string(settings.REDIS_URL, wrap_exceptions=True, **timeouts))


@cache
def _limit(name: str) -> RateLimitItem:
    return parse(settings.RATE_LIMITS[name])


def _with_storage(use: Callable[[Storage], Result]) -> Result:
    if settings.REDIS_URL and not _outage.is_on:
        try:
            return use(_redis())
        except StorageError as error:
            _outage.begin(error)
    return use(_memory)


def _count(name: str, identifier: str, amount: int = 1) -> None:
    """Count an event; raises TooManyAttempts when there were too many within the limit's window."""
    if not settings.RATE_LIMIT_ENABLED:
        return
    limit = _limit(name)
    key = limit.key_for(name, identifier)

    def count(storage: Storage) -> int:
        # Counting comes first and deciding second, so that parallel attempts can't all see room.
        if int(storage.incr(key, limit.get_expiry(), amount=amount)) <= limit.amount:
            return 0
        return math.ceil(storage.get_expiry(key) - time.time())

    if retry_after := _with_storage(count):
        raise TooManyAttempts(retry_after)


def _forget(name: str, identifier: str) -> None:
    _with_storage(lambda storage: storage.clear(_limit(name).key_for(name, identifier)))


def typed_counter(identifier: str) -> str:
    """The counter of a typed name that nobody has. It may be anything: hashed, so that it is short and not readable."""
    return "typed-" + hashlib.sha256(identifier.casefold().encode(errors="surrogatepass")).hexdigest()


def user_counter(user_id: int, purpose: str = "login") -> str:
    """The counter of wrong guesses at a user's password, by whichever of their names.

    Guesses at the sign-in and at a signed-in user's own change of password are counted apart, so that a stranger's
    guesses don't keep a user from changing it.
    """
    return f"user-{user_id}-{purpose}"


def count_guess(counter: str) -> None:
    """Count a check of a password before it is made; raises TooManyAttempts."""
    _count("login_name", counter)


def count_login(counter: str, address: str) -> None:
    """Count a login before its password is checked, for the name and for the address; raises TooManyAttempts."""
    _count("login_address", address)
    try:
        count_guess(counter)
    except TooManyAttempts:
        # Guesses at a locked name must not lock out everyone behind the same address.
        _count("login_address", address, amount=-1)
        raise


def count_address(address: str) -> None:
    """Count a sign-in that gives no name, before it is checked; raises TooManyAttempts."""
    _count("login_address", address)


def forgive_address(address: str) -> None:
    """It was right: the address has one attempt back."""
    _count("login_address", address, amount=-1)


def is_news(counter: str, address: str) -> bool:
    """Whether this is the first refusal of this name from this address within a window."""
    try:
        _count("refused_login", f"{counter} {address}")
    except TooManyAttempts:
        return False
    return True


def forgive_login(counter: str, address: str) -> None:
    """The password was right: the name starts anew, and the address has one attempt back."""
    forget_guesses(counter)
    _count("login_address", address, amount=-1)


def forget_guesses(counter: str) -> None:
    """Start anew, after a right password or when an administrator unlocks the account."""
    _forget("login_name", counter)


def is_out_of_guesses(counter: str) -> bool:
    """Whether the next guess would be refused."""
    limit = _limit("login_name")
    key = limit.key_for("login_name", counter)
    return settings.RATE_LIMIT_ENABLED and _with_storage(lambda storage: int(storage.get(key))) >= limit.amount


def count_reset_request(address: str) -> None:
    """Count a request for a link to choose a new password; raises TooManyAttempts."""
    _count("reset_address", address)


def count_reset_link(user_id: int) -> None:
    """Count a link that is about to be mailed to a user who asked for it; raises TooManyAttempts."""
    _count("reset_account", str(user_id))


def count_email_change(user_id: int) -> None:
    """Count a confirmation that is about to be mailed to whatever address a user gave; raises TooManyAttempts."""
    _count("email_change", str(user_id))


def count_call(session_id: UUID) -> None:
    """Count an API call with a session's token or with an API key, by its id; raises TooManyAttempts."""
    _count("token", str(session_id))


def reset() -> None:
    """Forget all counters and outages."""
    _outage.end()
    _with_storage(lambda storage: storage.reset())
    _memory.reset()
