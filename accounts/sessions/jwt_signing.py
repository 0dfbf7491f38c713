"""Which keys sign and verify tokens, as Simple JWT's token backends. A key's algorithm belongs to the key.

No token's header can choose another (RFC 8725, sections 3.1 and 3.2). SECRET_KEY, with which Simple JWT signs unless it
has other settings, is none of these keys.
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
#: Seconds by which another machine's clock may be ahead.
LEEWAY_SECONDS = 5
#: What parsing a forged token may raise: PyJWT turns most, not all, of what it meets into its own errors.
PARSING_ERRORS = (jwt.PyJWTError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)


class UnescapedJSONEncoder(json.JSONEncoder):
    """JSON with letters as they are (RFC 7519 is UTF-8): escaped, one of Arabic or Cyrillic takes six bytes, not two.

    A token goes along with every call, and proxies limit a header to 8 KB.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


class KeyBackend(TokenBackend):  # type: ignore[misc]
    """One key. It names itself in what it signs, which Simple JWT's own backend doesn't."""

    key_id: str

    def encode(self, payload: dict[str, Any]) -> str:
        """A signed token."""
        return jwt.encode(
            payload,
            self.prepared_signing_key,
            algorithm=self.algorithm,
            headers={"kid": self.key_id},
            json_encoder=self.json_encoder,
        )

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """The claims of a token that this key signed; raises TokenBackendError for any other, however odd it is.

        Signature and times are verified in any case.
        """
        try:
            claims: dict[str, Any] = super().decode(token)
        except PARSING_ERRORS as error:
            raise TokenBackendError("Token is invalid") from error
        return claims


class HS256Backend(KeyBackend):
    """A secret, which signs and verifies what Reprotech alone reads."""

    def __init__(self, secret: str) -> None:
        super().__init__(SECRET_ALGORITHM, secret, leeway=LEEWAY_SECONDS, json_encoder=UnescapedJSONEncoder)
        self.key_id = key_id(secret)

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:
        """The claims; a token that names an issuer or for whom it is was made for something else."""
        claims = super().decode(token, verify)
        if "aud" in claims or "iss" in claims:
            raise TokenBackendError("Token is invalid")
        return claims


class EdDSABackend(KeyBackend):
    """An Ed25519 key, which verifies, and signs if its private half (`seed`) is known.

    What others can check names its issuer and for whom it is, so that they don't take another's, or a refresh token,
    for an access token.
    """

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

    def encode(self, payload: dict[str, Any]) -> str:
        """A signed token."""
        named = {"iss": self.issuer, "aud": self.audience, "sub": str(payload["user_id"])}
        return super().encode({**named, **payload})


class KeyRing:
    """The keys of one kind of token, as one backend: the first signs; the one that verifies is found by `kid` alone."""

    def __init__(self, keys: list[HS256Backend | EdDSABackend]) -> None:
        self._signing = keys[0]
        self._named = {key.key_id: [key] for key in keys}
        # Tokens from before keys had names don't say which it was. All of those are HS256.
        self._unnamed = [key for key in keys if isinstance(key, HS256Backend)]

    def encode(self, payload: dict[str, Any]) -> str:
        """A signed token."""
        return self._signing.encode(payload)

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:
        """The claims of a token that one of the keys signed; raises TokenBackendError for any other."""
        try:
            header = jwt.get_unverified_header(token)
        except PARSING_ERRORS as error:
            raise TokenBackendError("Token is invalid") from error
        for key in self._named.get(header["kid"], []) if "kid" in header else self._unnamed:
            with suppress(TokenBackendError):
                return key.decode(token, verify)
        raise TokenBackendError("Token is invalid")

    def get_leeway(self) -> timedelta:
        """By how much clocks may differ."""
        return timedelta(seconds=LEEWAY_SECONDS)


def key_ring(audience: str) -> KeyRing:
    """The keys of tokens for this audience: JWT_SIGNING_KEY if it is set, JWT_SECRET_KEY otherwise, and former ones.

    Made once, since preparing a key takes longer than signing.
    """
    secrets = (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)
    return _key_ring(audience, settings.PUBLIC_URL, settings.JWT_SIGNING_KEY, tuple(_public_keys()), secrets)


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
    """This secret alone, for tokens that live for minutes and needn't outlive it."""
    return KeyRing([HS256Backend(secret)])


def published_keys() -> list[dict[str, str]]:
    """The public keys by which others check our tokens, the one that signs now first."""
    return [as_jwk(public) for public in _public_keys()]


def _public_keys() -> list[bytes]:
    own = [] if settings.JWT_SIGNING_KEY is None else [public_key_of(settings.JWT_SIGNING_KEY)]
    return list(dict.fromkeys([*own, *settings.JWT_PUBLIC_KEYS]))


@cache
def key_id(key: str) -> str:
    """The name of a secret key in a token's header: a fingerprint too short to tell anything of the key."""
    return hashlib.sha256(b"reprotech.tokens.key-id " + key.encode()).hexdigest()[:8]
