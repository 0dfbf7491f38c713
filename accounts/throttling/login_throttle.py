"""How often passwords and codes may be guessed.

Everyone who guesses at a name shares its counter, wherever they come from. Whoever comes from a browser or an address
where the account was signed in to before has a counter of their own, which strangers can't use up: that one decides
then. Each is counted before the guess is checked. `docs/security.md` tells against whom all this is made.
"""

import contextlib
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from accounts.core.client_networks import client_network
from accounts.core.email_addresses import lookup_address
from accounts.models import User
from accounts.throttling import known_devices, rate_limits
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.normalization import fold_text
from reprotech.core.request_context import current_origin

#: Names that nobody has share so many counters, so that a flood of them can't fill Redis.
UNKNOWN_NAME_COUNTERS = 2**18
#: After all guesses of a window its successor lasts twice as long, up to 64 times: of 15 minutes they become 16 hours.
MAX_BACKOFF_EXPONENT = 6


@dataclass(frozen=True, slots=True)
class AttemptCounters:
    """The counters of one guess: the name's, the address's, and `own` where the guesser is known."""

    name: str
    address: str
    own: str = ""
    by_browser: bool = False


def counters_for(user: User | None, identifier: str, purpose: str = "login") -> AttemptCounters:
    """The guess that the present request makes at a user, or at a typed name that nobody has."""
    # Both are looked up for everyone, known or not, which takes the same time.
    browser, is_known_address = known_devices.known_browser(user), known_devices.is_known_address(user)
    address = client_network(current_origin().ip_address)
    name = account_key(user, purpose) if user else unknown_name_key(identifier)
    own = account_key(user, purpose, browser or address) if user and (browser or is_known_address) else ""
    return AttemptCounters(name, address, own, bool(browser))


def unknown_name_key(identifier: str) -> str:
    """The counter of a typed name that nobody has. Which names share one can't be told from outside."""
    # All spellings of an address that an account has share its counter, so those of one that nobody has do too.
    typed = fold_text(lookup_address(identifier)).encode(errors="surrogatepass")
    digest = salted_hmac("accounts.throttling.login_throttle.typed", typed, algorithm="sha256").digest()
    return f"typed-{int.from_bytes(digest) % UNKNOWN_NAME_COUNTERS}"


def account_key(user: User, purpose: str = "login", place: str = "") -> str:
    """The counter of wrong guesses at a user, by whichever of their names, or of those from one known place alone.

    Guesses at the sign-in, at the second factor and at a signed-in user's own change of password are counted apart, so
    that a stranger's guesses don't keep a user from changing it. A new password and an administrator's unlocking begin
    a new one.
    """
    of_what = f"{user.pk} {user.password} {user.unlocked_at} {place}"
    state = salted_hmac("accounts.throttling.login_throttle", of_what, algorithm="sha256")
    return f"user-{user.pk}-{purpose}-{state.hexdigest()[:16]}"


def record_attempt(counter: str) -> None:
    """Count a guess before it is checked; raises TooManyAttempts."""
    _count_in_window(counter)
    rate_limits.increment("login_day", counter)
    rate_limits.count("login_row", counter)


def reset_attempts(counter: str) -> None:
    """Begin anew after a right one."""
    for name in ("login_name", "login_day", "login_row"):
        rate_limits.clear(name, counter)


def record_login_attempt(guess: AttemptCounters) -> None:
    """Count a guess at the sign-in before it is checked; raises TooManyAttempts."""
    if guess.by_browser:
        rate_limits.increment("login_address", guess.address)
    else:
        rate_limits.count("login_address", guess.address)
    try:
        record_attempt(guess.own or guess.name)
    except TooManyAttempts:
        # Guesses at a locked name must not lock out everyone behind the same address.
        refund_address(guess.address)
        raise
    if guess.own:
        # Strangers have one guess less, and don't wait longer for it.
        with contextlib.suppress(TooManyAttempts):
            _count_in_window(guess.name)


def refund_success(guess: AttemptCounters) -> None:
    """It was right: who is known begins anew, and all others have back what it cost them, but no more.

    Were the guesses of strangers forgotten too, they could see that someone signed in, and guess again each time.
    """
    if guess.own:
        reset_attempts(guess.own)
    else:
        rate_limits.increment("login_day", guess.name, -1)
    rate_limits.increment("login_name", guess.name, -1)
    rate_limits.clear("login_row", guess.name)
    refund_address(guess.address)


def refund_login_attempt(guess: AttemptCounters) -> None:
    """It was not looked at, as if it had not been made."""
    refund_attempt(guess.own or guess.name)
    if guess.own:
        rate_limits.increment("login_name", guess.name, -1)
    refund_address(guess.address)


def refund_attempt(counter: str) -> None:
    """The same of a guess that was counted by `count_guess` alone."""
    for name in ("login_name", "login_day", "login_row"):
        rate_limits.increment(name, counter, -1)


def record_address_attempt(address: str) -> None:
    """Count a sign-in that gives no name, before it is checked; raises TooManyAttempts."""
    rate_limits.count("login_address", client_network(address))


def refund_address(address: str) -> None:
    """It was right: the address has one attempt back."""
    rate_limits.increment("login_address", client_network(address), -1)


def is_locked_for_unknown_devices(user: User) -> bool:
    """Whether the next guess at the user's password or second factor from an unknown place would be refused."""
    counters = [account_key(user, purpose) for purpose in ("login", "factor")]
    return any(rate_limits.is_exceeded(name, counter) for counter in counters for name in ("login_name", "login_row"))


def _count_in_window(counter: str) -> None:
    # The day remembers the windows that were filled before this one.
    backoff = min(rate_limits.times_exceeded("login_day", counter), MAX_BACKOFF_EXPONENT)
    rate_limits.count("login_name", counter, backoff=backoff)
