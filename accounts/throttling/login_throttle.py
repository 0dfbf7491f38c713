"""Throttling of failed passwords and codes. `docs/security.md` has the threats.

All attempts at a name share its counter, wherever they come from. A browser or an address from which the user signed in
before has a counter of its own, which others can't exhaust and which decides instead. Each attempt is counted before it
is checked.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from accounts.core.client_networks import client_network
from accounts.core.email_addresses import lookup_address
from accounts.models import User
from accounts.throttling import known_devices, rate_limits
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.normalization import fold_text
from reprotech.core.request_context import current_origin

#: Unknown names share so many counters, so that a flood of them can't fill Redis.
UNKNOWN_NAME_COUNTERS = 2**18
#: After all attempts of a window its successor lasts twice as long, up to 64 times: 15 minutes become 16 hours.
MAX_BACKOFF_EXPONENT = 6


@dataclass(frozen=True, slots=True)
class AttemptCounters:
    """The counters of one attempt: the name's, the address's, and `own` of a known browser or address."""

    name: str
    address: str
    own: str = ""
    by_browser: bool = False


def counters_for(user: User | None, identifier: str, purpose: str = "login") -> AttemptCounters:
    """The counters of the present request's attempt at a user, or at an unknown name."""
    # Both are looked up for unknown names too, which takes the same time.
    browser, is_known_address = known_devices.known_browser(user), known_devices.is_known_address(user)
    address = client_network(current_origin().ip_address)
    name = account_key(user, purpose) if user else unknown_name_key(identifier)
    own = account_key(user, purpose, browser or address) if user and (browser or is_known_address) else ""
    return AttemptCounters(name, address, own, bool(browser))


def unknown_name_key(identifier: str) -> str:
    """The counter of an unknown name. Which names share one can't be found out from outside."""
    # All spellings of an account's address share its counter, so those of an unknown one do too.
    typed = fold_text(lookup_address(identifier)).encode(errors="surrogatepass")
    digest = salted_hmac("accounts.throttling.login_throttle.typed", typed, algorithm="sha256").digest()
    return f"typed-{int.from_bytes(digest) % UNKNOWN_NAME_COUNTERS}"


def account_key(user: User, purpose: str = "login", place: str = "") -> str:
    """The counter of attempts at a user, by any of their names, or of those from one known `place` alone.

    Sign-in, second factor and change of password have their own, so that a stranger's attempts don't keep a user from
    changing it. A new password and an administrator's unlocking begin a new one.
    """
    of_what = f"{user.pk} {user.password} {user.unlocked_at} {place}"
    state = salted_hmac("accounts.throttling.login_throttle", of_what, algorithm="sha256")
    return f"user-{user.pk}-{purpose}-{state.hexdigest()[:16]}"


def record_attempt(counter: str) -> None:
    """Count an attempt before it is checked; raises TooManyAttempts."""
    _count_in_window(counter)
    # Refuses nothing: it decides how long the next window lasts (`_count_in_window`).
    rate_limits.increment("login_day", counter)
    rate_limits.count("login_row", counter)


def reset_attempts(counter: str) -> None:
    """Reset the counter after a successful attempt."""
    for name in ("login_name", "login_day", "login_row"):
        rate_limits.clear(name, counter)


def record_login_attempt(counters: AttemptCounters) -> None:
    """Count an attempt at the sign-in before it is checked; raises TooManyAttempts."""
    if counters.by_browser:
        rate_limits.increment("login_address", counters.address)
    else:
        rate_limits.count("login_address", counters.address)
    try:
        record_attempt(counters.own or counters.name)
    except TooManyAttempts:
        # Attempts at a locked name must not lock out everyone behind the same address.
        refund_address(counters.address)
        raise
    if counters.own:
        # Strangers have one attempt less, and don't wait longer for it.
        with contextlib.suppress(TooManyAttempts):
            _count_in_window(counters.name)


def refund_success(counters: AttemptCounters) -> None:
    """After a success: reset a known browser's or address's counter, and refund this one attempt to the shared ones.

    A reset of the shared counters would show strangers that the user signed in, and give them new attempts each time.
    """
    if counters.own:
        reset_attempts(counters.own)
    else:
        rate_limits.increment("login_day", counters.name, -1)
    rate_limits.increment("login_name", counters.name, -1)
    rate_limits.clear("login_row", counters.name)
    refund_address(counters.address)


def refund_login_attempt(counters: AttemptCounters) -> None:
    """Undo `record_login_attempt` for an attempt that was not checked."""
    refund_attempt(counters.own or counters.name)
    if counters.own:
        rate_limits.increment("login_name", counters.name, -1)
    refund_address(counters.address)


def refund_attempt(counter: str) -> None:
    """Undo `record_attempt` for an attempt that was not checked."""
    for name in ("login_name", "login_day", "login_row"):
        rate_limits.increment(name, counter, -1)


def record_address_attempt(address: str) -> None:
    """Count an attempt without a name, before it is checked; raises TooManyAttempts."""
    rate_limits.count("login_address", client_network(address))


def refund_address(address: str) -> None:
    """Refund one attempt after a success."""
    rate_limits.increment("login_address", client_network(address), -1)


def mark_locked_out(users: Iterable[User]) -> None:
    """Set `is_locked_out` of those to whom a password or factor from an unknown device would be refused."""
    by_counter = {account_key(user, purpose): user for user in users for purpose in ("login", "factor")}
    for name in ("login_name", "login_row"):
        for counter in rate_limits.exceeded_of(name, [*by_counter]):
            by_counter[counter].is_locked_out = True


def _count_in_window(counter: str) -> None:
    # The counter of the day shows how many windows were exhausted before this one.
    backoff = min(rate_limits.times_exceeded("login_day", counter), MAX_BACKOFF_EXPONENT)
    rate_limits.count("login_name", counter, backoff=backoff)
