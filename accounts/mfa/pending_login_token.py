"""The token between the password and the second factor: valid for five minutes, once.

It names no session, because there is none yet, so it can't be used as an access token. It dies with the password.
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
    """The claims of a genuine token, which may have been used already."""

    user_id: int
    token_id: str
    password_state: str
    expires_at: datetime

    @property
    def name(self) -> str:
        """Its name among used one-time tokens."""
        return f"mfa {self.token_id}"

    def is_of(self, user: User) -> bool:
        """Whether the user still has the same password."""
        return self.user_id == user.pk and constant_time_compare(self.password_state, _password_state(user))


class PendingLoginToken(UserToken):
    # A replaced key doesn't verify it: it lives for minutes.

    token_type = "mfa"  # noqa: S105 (a name)
    lifetime = timedelta(minutes=5)
    text_claims = {**UserToken.text_claims, "state": "[0-9a-f]{64}"}

    def get_token_backend(self) -> KeyRing:
        return secret_key_ring(settings.JWT_SECRET_KEY)


def issue(user: User) -> str:
    token = PendingLoginToken()
    token.payload.update(user_id=user.pk, state=_password_state(user))
    return str(token)


def parse(token: str) -> PendingLogin | None:
    """None for a token that isn't genuine."""
    try:
        claims = PendingLoginToken(token)
    except TokenError:
        return None
    expires_at = datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    return PendingLogin(claims["user_id"], claims["jti"], claims["state"], expires_at)


def _password_state(user: User) -> str:
    return salted_hmac("accounts.mfa.pending_login_token", user.password, algorithm="sha256").hexdigest()
