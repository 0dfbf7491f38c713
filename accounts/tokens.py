"""Access and refresh tokens: HS256 JWTs (RFC 7519) that name a session."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.utils import timezone

from accounts.errors import TokenInvalid
from accounts.models import Session

ALGORITHM = "HS256"
ACCESS = "access"
REFRESH = "refresh"
#: Seconds by which another machine's clock may be ahead.
LEEWAY = 5
#: Larger ids no database takes.
USER_ID_BITS = 63


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
    access = _encode(
        session,
        ACCESS,
        settings.ACCESS_TOKEN_LIFETIME,
        username=user.username,
        roles=list(user.grants.role_names),
    )
    token_id = uuid4().hex
    refresh = _encode(session, REFRESH, settings.REFRESH_TOKEN_LIFETIME, jti=token_id)
    return TokenPair(access, refresh, hash_token_id(token_id), int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()))


def read(token: str, token_type: str) -> Claims:
    """Check a token's signature, times and type, and return its claims; raises TokenInvalid.

    Only HS256 with our key, or one that it replaced, passes (RFC 8725, sections 3.1 and 3.2), and a lifetime longer
    than we issue doesn't, so that a token made with a leaked key can't outlive the key's replacement unseen.
    """
    try:
        claims = _decode(token)
        if claims["type"] != token_type or claims["exp"] - claims["iat"] > _lifetime(token_type).total_seconds():
            raise TokenInvalid
        user_id = int(claims["user_id"])
        if user_id.bit_length() > USER_ID_BITS:
            raise TokenInvalid
        return Claims(user_id, UUID(claims["sid"]), str(claims["jti"]), int(claims["iat"]), int(claims["exp"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        raise TokenInvalid from None


def _decode(token: str) -> dict[str, Any]:
    keys = {key_id(key): key for key in (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)}
    named = jwt.get_unverified_header(token).get("kid")
    # Tokens from before keys had names don't say which it was.
    candidates = list(keys.values()) if named is None else [keys[named]] if named in keys else []
    for key in candidates:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                leeway=LEEWAY,
                options={"require": ["user_id", "iat", "exp", "jti", "sid", "type"]},
            )
        except jwt.InvalidSignatureError:
            continue
        return claims
    raise TokenInvalid


@cache
def key_id(key: str) -> str:
    """The name of a signing key in a token's header: a fingerprint too short to tell anything of the key."""
    return hashlib.sha256(b"reprotech.tokens.key-id " + key.encode()).hexdigest()[:8]


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
    key = settings.JWT_SECRET_KEY
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id(key)})
