"""Access and refresh tokens: JWTs (RFC 7519) that name a session. `jwt_signing` has their keys."""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, NamedTuple, Self
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.access.required_actions import has_required_action
from accounts.core.exceptions import TokenInvalid
from accounts.models import Session
from accounts.sessions.jwt_signing import LEEWAY_SECONDS, KeyRing, key_ring
from reprotech.core.process_cache import process_cache

#: The largest id that databases take.
MAX_USER_ID = 2**63 - 1


class Claims(NamedTuple):
    """What a verified token says. A tuple, since a dataclass takes a microsecond more to read from the cache."""

    user_id: int
    session_id: UUID
    token_id: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    refresh_hash: str
    expires_in: int


class UserToken(Token):  # type: ignore[misc]
    """A token of a user, whose claims must have exactly the form in which they are issued."""

    #: Claims that are text, with their patterns.
    text_claims: ClassVar[dict[str, str]] = {"jti": "[0-9a-f]{32}"}

    def verify(self) -> None:
        """Check the claims, after the signature; raises TokenError."""
        numbers = [self.get(name) for name in ("user_id", "iat", "exp")]
        texts = [(self.get(name), pattern) for name, pattern in self.text_claims.items()]
        if any(type(number) is not int for number in numbers):  # True would be one to isinstance
            raise TokenError("Token has an odd number")
        if not all(isinstance(text, str) and re.fullmatch(pattern, text) for text, pattern in texts):
            raise TokenError("Token has an odd text")
        # A longer lifetime than we issue: a token forged with a leaked key must not outlive the key's replacement.
        if not 0 < self["user_id"] <= MAX_USER_ID or self["exp"] - self["iat"] > self.lifetime.total_seconds():
            raise TokenError("Token has a number out of range")
        super().verify()


class SessionToken(UserToken):
    text_claims = {**UserToken.text_claims, "sid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}
    lifetime_setting: ClassVar[str]
    #: The audience, after PUBLIC_URL.
    audience_path: ClassVar[str]

    @property
    def lifetime(self) -> timedelta:
        # Read when needed: Simple JWT would keep the settings of import time.
        lifetime: timedelta = getattr(settings, self.lifetime_setting)
        return lifetime

    def get_token_backend(self) -> KeyRing:
        return key_ring(settings.PUBLIC_URL + self.audience_path)

    @classmethod
    def for_session(cls, session: Session, **claims: object) -> Self:
        token = cls()
        # Services that verify tokens offline can't know that the account or a role ends before.
        token.payload["exp"] = session.user.credential_end(token.payload["exp"])
        token.payload.update(user_id=session.user_id, sid=str(session.pk), **claims)
        return token

    @property
    def claims(self) -> Claims:
        return Claims(self["user_id"], UUID(self["sid"]), self["jti"], self["iat"], self["exp"])


class AccessToken(SessionToken):
    """For this installation and its modules."""

    token_type = "access"  # noqa: S105 (a name)
    lifetime_setting = "ACCESS_TOKEN_LIFETIME"
    audience_path = ""


class RefreshToken(SessionToken):
    """For Reprotech alone: no module has its audience."""

    token_type = "refresh"  # noqa: S105 (a name)
    lifetime_setting = "REFRESH_TOKEN_LIFETIME"
    audience_path = "/api/auth/refresh"


def issue_pair(session: Session) -> TokenPair:
    user = session.user
    # Services that verify tokens offline can't ask whether a required action comes first.
    roles = [] if has_required_action(user) else list(user.grants.role_names)
    access = AccessToken.for_session(session, username=user.username, roles=roles)
    refresh = RefreshToken.for_session(session)
    lifetime = access["exp"] - access["iat"]
    return TokenPair(str(access), str(refresh), hash_token_id(refresh["jti"]), lifetime)


def verify(token: str, token_class: type[SessionToken]) -> Claims:
    """Verify a token's signature, times and type; raises TokenInvalid."""
    # Most tokens come again and again, and keys don't change while a process runs: only the expiry is checked again.
    # The type is part of the key: what was verified as an access token is no refresh token.
    key = f"token {hashlib.sha256(f'{token_class.token_type} {token}'.encode(errors='replace')).hexdigest()}"
    claims: Claims | None = process_cache.get(key)
    if claims is None:
        try:
            claims = token_class(token).claims
        except TokenError:
            raise TokenInvalid from None
        process_cache.set(key, claims)
    elif claims.expires_at + LEEWAY_SECONDS <= time.time():
        raise TokenInvalid
    return claims


def hash_token_id(token_id: str) -> str:
    # The random `jti` stands for the whole refresh token.
    return hashlib.sha256(token_id.encode()).hexdigest()
