"""Access and refresh tokens: JWTs (RFC 7519) that name a session. `accounts.signatures` signs and checks them."""

import hashlib
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.utils import timezone

from accounts import signatures
from accounts.duties import has_required_action
from accounts.errors import TokenInvalid
from accounts.models import Session
from accounts.signatures import LEEWAY

ACCESS = "access"
REFRESH = "refresh"
#: Larger ids no database takes.
USER_ID_BITS = 63
#: Tokens of which a process remembers that they are genuine.
MOST_REMEMBERED = 10_000


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


def issue_pair(session: Session) -> TokenPair:
    """Mint the tokens of a session; its user's grants are read."""
    user = session.user
    # Services that check tokens by themselves can't ask whether a password must be changed or a factor set up first.
    roles = [] if has_required_action(user) else list(user.grants.role_names)
    access = _encode(session, ACCESS, settings.ACCESS_TOKEN_LIFETIME, username=user.username, roles=roles)
    token_id = uuid4().hex
    refresh = _encode(session, REFRESH, settings.REFRESH_TOKEN_LIFETIME, jti=token_id)
    return TokenPair(access, refresh, hash_token_id(token_id), int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()))


def read(token: str, token_type: str) -> Claims:
    """Check a token's signature, times and type, and return its claims; raises TokenInvalid.

    Most tokens come again and again. What one says is remembered under a hash of it, and only whether it is over is
    looked at anew: keys and times of issue don't change while a process runs.
    """
    name = hashlib.sha256(f"{token_type} {token}".encode(errors="replace")).digest()
    claims = _genuine.get(name)
    if claims is None:
        claims = _checked(token, token_type)
        if len(_genuine) >= MOST_REMEMBERED:
            _genuine.clear()
        _genuine[name] = claims
    elif claims.expires_at + LEEWAY <= time.time():
        raise TokenInvalid
    return claims


def forget() -> None:
    """Check every token anew, as after a change of keys."""
    _genuine.clear()


_genuine: dict[bytes, Claims] = {}


def _checked(token: str, token_type: str) -> Claims:
    """The claims of a genuine token.

    A lifetime longer than we issue doesn't pass, so that a token made with a leaked key can't outlive the key's
    replacement unseen.
    """
    try:
        claims = signatures.check(token, _audience(token_type))
        if claims["type"] != token_type or claims["exp"] - claims["iat"] > _lifetime(token_type).total_seconds():
            raise TokenInvalid
        user_id = int(claims["user_id"])
        if user_id.bit_length() > USER_ID_BITS:
            raise TokenInvalid
        return Claims(user_id, UUID(claims["sid"]), str(claims["jti"]), int(claims["iat"]), int(claims["exp"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        raise TokenInvalid from None


def hash_token_id(token_id: str) -> str:
    """SHA-256 (hex) of a refresh token's `jti`, which is random and stands for the whole token."""
    return hashlib.sha256(token_id.encode()).hexdigest()


def _lifetime(token_type: str) -> timedelta:
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME if token_type == ACCESS else settings.REFRESH_TOKEN_LIFETIME
    return lifetime


def _encode(session: Session, token_type: str, lifetime: timedelta, **more: Any) -> str:
    issued = timezone.now()
    claims = {
        "type": token_type,
        "user_id": session.user_id,
        "sid": str(session.pk),
        "jti": uuid4().hex,
        "iat": int(issued.timestamp()),
        "exp": int((issued + lifetime).timestamp()),
        **more,
    }
    return signatures.sign(claims, _audience(token_type))


def _audience(token_type: str) -> str:
    """For whom a token is: an access token for this installation and its modules, a refresh token for us alone."""
    return settings.PUBLIC_URL if token_type == ACCESS else f"{settings.PUBLIC_URL}/api/auth/refresh"
