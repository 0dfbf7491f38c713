"""Links in e-mail messages, and the tokens in them.

A token is a MAC over the state that it depends on, made when the message is sent: no table and no dump holds one. It is
valid until it is too old or that state changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, int_to_base36, urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import EmailChange, User
from accounts.models.mail import CONFIRMATION_LIFETIME

Subject = TypeVar("Subject")

#: Tokens count their seconds from here, as Django's tokens for password resets do, which have the same form.
EPOCH = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LinkTokens(Generic[Subject]):
    """The tokens of one purpose: the second in which one was made, and a MAC over it and the state it depends on."""

    purpose: str
    lifetime: timedelta
    state_of: Callable[[Subject], str]

    def make_token(self, subject: Subject) -> str:
        return self._token(subject, _seconds(), settings.SECRET_KEY)

    def check_token(self, subject: Subject, token: str) -> bool:
        """Whether the token is genuine, not too old, and still of the present state."""
        try:
            made = base36_to_int(token.partition("-")[0])
        except ValueError:
            return False
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        is_genuine = any(constant_time_compare(self._token(subject, made, key), token) for key in keys)
        return is_genuine and _seconds() - made <= min(self.lifetime.total_seconds(), settings.PASSWORD_RESET_TIMEOUT)

    def _token(self, subject: Subject, made: int, key: str) -> str:
        salt, state = f"accounts.notifications.links.{self.purpose}", f"{self.state_of(subject)} {made}"
        mac = salted_hmac(salt, state, secret=key, algorithm="sha256").hexdigest()
        return f"{int_to_base36(made)}-{mac[::2]}"


def _seconds() -> int:
    return int((timezone.now() - EPOCH).total_seconds())


def _password_state(user: User) -> str:
    """Changes with a new password, address or link, but not with a sign-in."""
    return f"{user.pk} {user.link_number} {user.password} {user.email}"


def _address_state(change: EmailChange) -> str:
    """Changes with another requested address, and with a new password."""
    user = change.user
    return f"{user.pk} {user.password} {user.email} {change.pk} {change.address} {change.requested_at.isoformat()}"


invitation_tokens = LinkTokens("invitation", settings.INVITATION_LIFETIME, _password_state)
#: Of links that an administrator hands over: who uses one hasn't shown that they get mail at their address.
handed_tokens = LinkTokens("handed invitation", settings.INVITATION_LIFETIME, _password_state)
reset_tokens = LinkTokens("reset", settings.RESET_LIFETIME, _password_state)
address_tokens = LinkTokens("address", CONFIRMATION_LIFETIME, _address_state)


def is_valid_link(user: User, link_token: str) -> bool:
    """Whether the token of an invitation or of a reset may still be used."""
    return handed_tokens.check_token(user, link_token) or was_mailed(user, link_token)


def was_mailed(user: User, link_token: str) -> bool:
    """Whether it is such a token, and went to the user's address."""
    return any(tokens.check_token(user, link_token) for tokens in (reset_tokens, invitation_tokens))


def password_link(user: User, tokens: LinkTokens[User]) -> str:
    return _link("set_password", user, tokens.make_token(user))


def address_link(change: EmailChange) -> str:
    return _link("open_email_link", change.user, address_tokens.make_token(change))


def _link(name: str, user: User, token: str) -> str:
    # Never from the Host header, which the caller chooses.
    return settings.PUBLIC_URL + reverse(name, args=[urlsafe_base64_encode(force_bytes(user.pk)), token])


def decode_user_id(user: str) -> int:
    """The user's id in a link; 0, which no user has, for anything else."""
    try:
        # 18 digits fit into 64 bits; the database would fail on more.
        return int(urlsafe_base64_decode(user).decode("ascii")[:18])
    except ValueError:
        return 0
