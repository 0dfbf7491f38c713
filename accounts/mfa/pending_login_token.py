"""The token between the password and the second factor: valid for five minutes, once.

It names no session, because there is none yet, so it can't be used as an access token. It dies with the password.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from accounts.sessions.jwt_signing import LEEWAY_SECONDS, KeyRing, secret_key_ring
from accounts.sessions.tokens import UserToken


class PendingLoginToken(UserToken):
    # A replaced key doesn't verify it: it lives for minutes.

    token_type = "mfa"  # noqa: S105 (a name)
    lifetime = timedelta(minutes=5)
    text_claims = {**UserToken.text_claims, "state": "[0-9a-f]{64}"}

    def get_token_backend(self) -> KeyRing:
        return secret_key_ring(settings.JWT_SECRET_KEY)

    @property
    def user_id(self) -> int:
        return int(self["user_id"])

    @property
    def name(self) -> str:
        """Its name among used one-time tokens."""
        return f"mfa {self['jti']}"

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self["exp"] + LEEWAY_SECONDS, UTC)

    def is_of(self, user: User) -> bool:
        """Whether the user still has the same password."""
        return self.user_id == user.pk and constant_time_compare(self["state"], _password_state(user))


def issue(user: User) -> str:
    token = PendingLoginToken()
    token.payload.update(user_id=user.pk, state=_password_state(user))
    return str(token)


def parse(token: str) -> PendingLoginToken | None:
    """A genuine token, which may have been used already; None for any other."""
    try:
        return PendingLoginToken(token)
    except TokenError:
        return None


def _password_state(user: User) -> str:
    return salted_hmac("accounts.mfa.pending_login_token", user.password, algorithm="sha256").hexdigest()
