"""The keys that sign and verify tokens, as Simple JWT token backends.

The algorithm belongs to the key: no token's header can choose another (RFC 8725, sections 3.1 and 3.2). SECRET_KEY,
Simple JWT's default, is none of these keys.
"""

import hashlib
import json
from contextlib import suppress
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

from reprotech.core.jwk import as_jwk, public_key_of, thumbprint

SECRET_ALGORITHM = "HS256"  # noqa: S105 (a name)
PUBLIC_ALGORITHM = "EdDSA"
LEEWAY_SECONDS = 5
#: What parsing a forged token may raise: PyJWT wraps most errors in its own, not all.
PARSING_ERRORS = (jwt.PyJWTError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)


class UnescapedJSONEncoder(json.JSONEncoder):
    # UTF-8 (RFC 7519): proxies limit headers to 8 KB, and an escaped Arabic letter takes six bytes instead of two.
    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


class KeyBackend(TokenBackend):  # type: ignore[misc]
    """One key, whose id (`kid`) stands in the tokens that it signs."""

    key_id: str

    def encode(self, payload: dict[str, object]) -> str:
        return jwt.encode(
            payload,
            self.prepared_signing_key,
            algorithm=self.algorithm,
            headers={"kid": self.key_id},
            json_encoder=self.json_encoder,
        )

    def decode(self, token: str, verify: bool = True) -> dict[str, object]:  # noqa: ARG002
        """The claims of a token that this key signed, always verified; raises TokenBackendError."""
        try:
            claims: dict[str, object] = super().decode(token)
        except PARSING_ERRORS as error:
            raise TokenBackendError("Token is invalid") from error
        return claims


class HS256Backend(KeyBackend):
    """A secret, for tokens that Reprotech alone verifies."""

    def __init__(self, secret: str) -> None:
        super().__init__(SECRET_ALGORITHM, secret, leeway=LEEWAY_SECONDS, json_encoder=UnescapedJSONEncoder)
        self.key_id = key_id(secret)

    def decode(self, token: str, verify: bool = True) -> dict[str, object]:
        claims = super().decode(token, verify)
        # A token with an issuer or audience was made for something else.
        if "aud" in claims or "iss" in claims:
            raise TokenBackendError("Token is invalid")
        return claims


class EdDSABackend(KeyBackend):
    """An Ed25519 key; it signs only with its private half (`seed`)."""

    def __init__(self, public: bytes, audience: str, issuer: str, seed: bytes | None = None) -> None:
        super().__init__(
            PUBLIC_ALGORITHM,
            seed and Ed25519PrivateKey.from_private_bytes(seed),
            Ed25519PublicKey.from_public_bytes(public),
            audience,
            issuer,
            leeway=LEEWAY_SECONDS,
            json_encoder=UnescapedJSONEncoder,
        )
        self.key_id = thumbprint(public)

    def encode(self, payload: dict[str, object]) -> str:
        # Or other services could take a refresh token, or another installation's, for an access token.
        party = {"iss": self.issuer, "aud": self.audience, "sub": str(payload["user_id"])}
        return super().encode({**party, **payload})


class KeyRing:
    """The keys of one kind of token: the first signs; `kid` alone selects the one that verifies."""

    def __init__(self, keys: list[HS256Backend | EdDSABackend]) -> None:
        self._signing = keys[0]
        self._named = {key.key_id: [key] for key in keys}
        # Tokens of earlier versions have no `kid`; all of them are HS256.
        self._unnamed = [key for key in keys if isinstance(key, HS256Backend)]

    def encode(self, payload: dict[str, object]) -> str:
        return self._signing.encode(payload)

    def decode(self, token: str, verify: bool = True) -> dict[str, object]:
        """Raises TokenBackendError for a token that none of the keys signed."""
        try:
            header = jwt.get_unverified_header(token)
        except PARSING_ERRORS as error:
            raise TokenBackendError("Token is invalid") from error
        for key in self._named.get(header["kid"], []) if "kid" in header else self._unnamed:
            with suppress(TokenBackendError):
                return key.decode(token, verify)
        raise TokenBackendError("Token is invalid")

    def get_leeway(self) -> timedelta:
        return timedelta(seconds=LEEWAY_SECONDS)


def key_ring(audience: str) -> KeyRing:
    """The keys of tokens for this audience: JWT_SIGNING_KEY or else JWT_SECRET_KEY signs; former ones verify."""
    secrets = (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)
    return _key_ring(audience, settings.PUBLIC_URL, settings.JWT_SIGNING_KEY, tuple(_public_keys()), secrets)


# Preparing a key takes longer than signing.
@lru_cache(maxsize=8)
def _key_ring(
    audience: str, issuer: str, seed: bytes | None, listed: tuple[bytes, ...], secrets: tuple[str, ...]
) -> KeyRing:
    own = seed and public_key_of(seed)
    public = [EdDSABackend(key, audience, issuer, seed if key == own else None) for key in listed]
    secret = [HS256Backend(key) for key in secrets]
    return KeyRing([*secret, *public] if seed is None else [*public, *secret])


@lru_cache(maxsize=2)
def secret_key_ring(secret: str) -> KeyRing:
    # Without fallbacks: these tokens live for minutes.
    return KeyRing([HS256Backend(secret)])


def published_keys() -> list[dict[str, str]]:
    """The public keys as JWKs, the one that signs now first."""
    return [as_jwk(public) for public in _public_keys()]


def _public_keys() -> list[bytes]:
    own = [] if settings.JWT_SIGNING_KEY is None else [public_key_of(settings.JWT_SIGNING_KEY)]
    return list(dict.fromkeys([*own, *settings.JWT_PUBLIC_KEYS]))


@cache
def key_id(key: str) -> str:
    # Too short a fingerprint to reveal anything about the secret.
    return hashlib.sha256(b"reprotech.tokens.key-id " + key.encode()).hexdigest()[:8]
