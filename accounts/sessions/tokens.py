"""Access and refresh tokens: JWTs (RFC 7519) by Simple JWT, which name a session.

`accounts.sessions.jwt_signing` has the keys that sign and verify them.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.access.required_actions import has_required_action
from accounts.core.exceptions import TokenInvalid
from accounts.models import Session
from accounts.sessions.jwt_signing import LEEWAY_SECONDS, KeyRing, key_ring

#: Larger ids no database takes.
MAX_USER_ID = 2**63 - 1
#: Tokens of which a process remembers that they are genuine.
MAX_CACHED_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says."""

    user_id: int
    session_id: UUID
    token_id: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A new access token and the refresh token to get the next one, with its hash for the session."""

    access_token: str
    refresh_token: str
    refresh_hash: str
    expires_in: int


class UserToken(Token):  # type: ignore[misc]
    """A token of a user. What it says is held to the very form in which it is issued.

    A lifetime longer than we issue doesn't pass, so that a token made with a leaked key can't outlive the key's
    replacement unseen.
    """

    #: The claims that are text, and what they look like.
    text_claims: ClassVar[dict[str, str]] = {"jti": "[0-9a-f]{32}"}

    def verify(self) -> None:
        """Check what stands in it, after its signature; raises TokenError."""
        numbers = [self.get(name) for name in ("user_id", "iat", "exp")]
        texts = [(self.get(name), pattern) for name, pattern in self.text_claims.items()]
        if any(type(number) is not int for number in numbers):  # True would be one to isinstance
            raise TokenError("Token has an odd number")
        if not all(isinstance(text, str) and re.fullmatch(pattern, text) for text, pattern in texts):
            raise TokenError("Token has an odd text")
        if not 0 < self["user_id"] <= MAX_USER_ID or self["exp"] - self["iat"] > self.lifetime.total_seconds():
            raise TokenError("Token has a number out of range")
        super().verify()


class SessionToken(UserToken):
    """A token of a session."""

    text_claims = {**UserToken.text_claims, "sid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}
    lifetime_setting: ClassVar[str]
    #: For whom it is, after PUBLIC_URL.
    audience_path: ClassVar[str]

    @property
    def lifetime(self) -> timedelta:
        """As the settings say now; Simple JWT would keep what they said when this was imported."""
        lifetime: timedelta = getattr(settings, self.lifetime_setting)
        return lifetime

    def get_token_backend(self) -> KeyRing:
        """The keys that sign and verify it."""
        return key_ring(settings.PUBLIC_URL + self.audience_path)

    @classmethod
    def for_session(cls, session: Session, **claims: Any) -> Self:
        """A new one, with these claims as well."""
        token = cls()
        token.payload.update(user_id=session.user_id, sid=str(session.pk), **claims)
        return token

    @property
    def claims(self) -> Claims:
        """What a verified one says."""
        return Claims(self["user_id"], UUID(self["sid"]), self["jti"], self["iat"], self["exp"])


class AccessToken(SessionToken):
    """For this installation and its modules."""

    token_type = "access"  # noqa: S105 (a name)
    lifetime_setting = "ACCESS_TOKEN_LIFETIME"
    audience_path = ""


class RefreshToken(SessionToken):
    """For Reprotech alone: it names an audience that no module has."""

    token_type = "refresh"  # noqa: S105 (a name)
    lifetime_setting = "REFRESH_TOKEN_LIFETIME"
    audience_path = "/api/auth/refresh"


def issue_pair(session: Session) -> TokenPair:
    """Mint the tokens of a session; its user's grants are read."""
    user = session.user
    # Services that check tokens by themselves can't ask whether a password must be changed or a factor set up first.
    roles = [] if has_required_action(user) else list(user.grants.role_names)
    access = AccessToken.for_session(session, username=user.username, roles=roles)
    refresh = RefreshToken.for_session(session)
    lifetime = int(settings.ACCESS_TOKEN_LIFETIME.total_seconds())
    return TokenPair(str(access), str(refresh), hash_token_id(refresh["jti"]), lifetime)


def verify(token: str, token_class: type[SessionToken]) -> Claims:
    """Check a token's signature, times and type, and return its claims; raises TokenInvalid.

    Most tokens come again and again. What one says is remembered under a hash of it, and only whether it is over is
    looked at anew: keys and times of issue don't change while a process runs.
    """
    name = hashlib.sha256(f"{token_class.token_type} {token}".encode(errors="replace")).digest()
    claims = _verified.get(name)
    if claims is None:
        try:
            claims = token_class(token).claims
        except TokenError:
            raise TokenInvalid from None
        if len(_verified) >= MAX_CACHED_TOKENS:
            _verified.clear()
        _verified[name] = claims
    elif claims.expires_at + LEEWAY_SECONDS <= time.time():
        raise TokenInvalid
    return claims


def clear_cache() -> None:
    """Check every token anew, as after a change of keys."""
    _verified.clear()


_verified: dict[bytes, Claims] = {}


def hash_token_id(token_id: str) -> str:
    """SHA-256 (hex) of a refresh token's `jti`, which is random and stands for the whole token."""
    return hashlib.sha256(token_id.encode()).hexdigest()
