"""The token between a right password and the second factor: five minutes, once, and good for nothing else.

It names no session, because there is none yet, so it opens nothing where an access token would. It dies with the
password that it was given for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from accounts.sessions.jwt_signing import LEEWAY_SECONDS, KeyRing, secret_key_ring
from accounts.sessions.tokens import UserToken


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """Who gave the right password, by a genuine token that may be spent already."""

    user_id: int
    token_id: str
    password_state: str
    expires_at: datetime

    def is_of(self, user: User) -> bool:
        """Whether the user still has the password that was given."""
        return self.user_id == user.pk and constant_time_compare(self.password_state, _password_state(user))


class PendingLoginToken(UserToken):
    """For the second step alone. One that a replaced key signed is refused: it lives for minutes."""

    token_type = "mfa"  # noqa: S105 (a name)
    lifetime = timedelta(minutes=5)
    text_claims = {**UserToken.text_claims, "state": "[0-9a-f]{64}"}

    def get_token_backend(self) -> KeyRing:
        """The key that signs and verifies it: no module needs to read it."""
        return secret_key_ring(settings.JWT_SECRET_KEY)


def issue(user: User) -> str:
    """The token of a user whose password was right."""
    token = PendingLoginToken()
    token.payload.update(user_id=user.pk, state=_password_state(user))
    return str(token)


def parse(token: str) -> PendingLogin | None:
    """What a genuine token says; None for any other."""
    try:
        found = PendingLoginToken(token)
    except TokenError:
        return None
    expires_at = datetime.fromtimestamp(found["exp"] + LEEWAY_SECONDS, UTC)
    return PendingLogin(found["user_id"], found["jti"], found["state"], expires_at)


def _password_state(user: User) -> str:
    return salted_hmac("accounts.mfa.pending_login_token", user.password, algorithm="sha256").hexdigest()
