"""The token between a right password and the second factor: five minutes, once, and good for nothing else.

It names no session, because there is none yet, so it opens nothing where an access token would. It dies with the
password that it was given for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from accounts.signatures import LEEWAY, SECRET_ALGORITHM
from accounts.tokens import USER_ID_BITS

TYPE = "mfa"
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Passed:
    """Who gave the right password, by a genuine token that may be spent already."""

    user_id: int
    token_id: str
    password_state: str
    expires_at: datetime

    def is_of(self, user: User) -> bool:
        """Whether the user still has the password that was given."""
        return self.user_id == user.pk and constant_time_compare(self.password_state, _state(user))


def issue(user: User) -> str:
    """The token of a user whose password was right."""
    issued = timezone.now()
    claims = {
        "type": TYPE,
        "user_id": user.pk,
        "jti": uuid4().hex,
        "state": _state(user),
        "iat": int(issued.timestamp()),
        "exp": int((issued + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm=SECRET_ALGORITHM)


def read(token: str) -> Passed | None:
    """What a genuine token says; None for any other."""
    try:
        claims = jwt.decode(
            token,
            settings.JWT_SECRET_KEY,
            algorithms=[SECRET_ALGORITHM],
            leeway=LEEWAY,
            options={"require": ["user_id", "iat", "exp", "jti", "state", "type"]},
        )
        user_id = int(claims["user_id"])
        is_ours = claims["type"] == TYPE and claims["exp"] - claims["iat"] <= LIFETIME.total_seconds()
        if not is_ours or user_id.bit_length() > USER_ID_BITS:
            return None
        expires_at = datetime.fromtimestamp(claims["exp"] + LEEWAY, UTC)
        return Passed(user_id, str(claims["jti"])[:64], str(claims["state"]), expires_at)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        return None


def _state(user: User) -> str:
    return salted_hmac("accounts.mfa_tokens", user.password, algorithm="sha256").hexdigest()
