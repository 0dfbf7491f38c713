"""Links in e-mail messages, and the tokens in them.

A token is a MAC over the state that it depends on, made when the message is sent: no table and no dump holds one. It is
valid until it is too old or that state changes.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import EmailChange, User
from accounts.models.pending_requests import CONFIRMATION_LIFETIME


class Tokens(PasswordResetTokenGenerator):
    """Django's tokens, each kind with a lifetime of its own."""

    def __init__(self, purpose: str, lifetime: timedelta) -> None:
        super().__init__()
        self.key_salt = f"accounts.notifications.links.{purpose}"
        self.lifetime = lifetime

    def check_token(self, user: Any, token: str | None) -> bool:
        """Whether the token is genuine, not too old, and still of the present state."""
        return bool(super().check_token(user, token)) and self._age(str(token)) <= self.lifetime

    def _age(self, token: str) -> timedelta:
        return timedelta(seconds=self._num_seconds(self._now()) - base36_to_int(token.partition("-")[0]))


class PasswordTokens(Tokens):
    """For links to choose a password: void after a new password, address or link, but not after a sign-in."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk} {user.link_number} {user.password} {user.email} {timestamp}"


class AddressTokens(Tokens):
    """For links that confirm a new address: void after another one, and after a new password."""

    def _make_hash_value(self, change: Any, timestamp: int) -> str:
        user = change.user
        asked = f"{change.pk} {change.address} {change.requested_at.isoformat()}"
        return f"{user.pk} {user.password} {user.email} {asked} {timestamp}"


invitation_tokens = PasswordTokens("invitation", settings.INVITATION_LIFETIME)
reset_tokens = PasswordTokens("reset", settings.RESET_LIFETIME)
address_tokens = AddressTokens("address", CONFIRMATION_LIFETIME)


def is_valid_link(user: User, link_token: str) -> bool:
    """Whether the token of an invitation or of a reset may still be used."""
    return any(tokens.check_token(user, link_token) for tokens in (reset_tokens, invitation_tokens))


def password_link(user: User, tokens: PasswordTokens) -> str:
    return _link("set_password", user, tokens.make_token(user))


def address_link(change: EmailChange) -> str:
    return _link("open_email_link", change.user, address_tokens.make_token(change))  # type: ignore[arg-type]


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
