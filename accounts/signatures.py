"""Which keys sign and check tokens. A key's algorithm belongs to the key: no token's header can choose another."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from accounts.errors import TokenInvalid
from accounts.token_keys import jwk, public_half, thumbprint

SECRET_ALGORITHM = "HS256"  # noqa: S105 (a name)
PUBLIC_ALGORITHM = "EdDSA"
#: Seconds by which another machine's clock may be ahead.
LEEWAY = 5
REQUIRED = ["user_id", "iat", "exp", "jti", "sid", "type"]


@dataclass(frozen=True, slots=True)
class CheckingKey:
    """What checks a signature, by one algorithm alone."""

    algorithm: str
    key: str | Ed25519PublicKey


class _Letters(json.JSONEncoder):
    """JSON with letters as they are (RFC 7519 is UTF-8): escaped, one of Arabic or Cyrillic takes six bytes, not two.

    A token goes along with every call, and proxies limit a header to 8 KB.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


def sign(claims: Mapping[str, Any], audience: str) -> str:
    """A token with these claims: EdDSA if JWT_SIGNING_KEY is set, HS256 otherwise.

    One that others can check names its issuer and for whom it is, so that they don't take another's, or a refresh
    token, for an access token.
    """
    seed = settings.JWT_SIGNING_KEY
    if seed is None:
        secret = settings.JWT_SECRET_KEY
        named = {"kid": key_id(secret)}
        return jwt.encode(dict(claims), secret, SECRET_ALGORITHM, headers=named, json_encoder=_Letters)
    return jwt.encode(
        {"iss": settings.PUBLIC_URL, "aud": audience, "sub": str(claims["user_id"]), **claims},
        Ed25519PrivateKey.from_private_bytes(seed),
        algorithm=PUBLIC_ALGORITHM,
        headers={"kid": thumbprint(public_half(seed))},
        json_encoder=_Letters,
    )


def check(token: str, audience: str) -> dict[str, Any]:
    """The claims of a token that one of our keys signed; raises TokenInvalid or PyJWT's errors.

    Key and algorithm are chosen by the key's name alone (RFC 8725, sections 3.1 and 3.2).
    """
    known = _known_keys()
    named = jwt.get_unverified_header(token).get("kid")
    if named is None:
        # Tokens from before keys had names don't say which it was. All of those are HS256.
        candidates = [key for key in known.values() if key.algorithm == SECRET_ALGORITHM]
    else:
        candidates = [known[named]] if named in known else []
    for key in candidates:
        try:
            return _decode(token, key, audience)
        except jwt.InvalidSignatureError:
            continue
    raise TokenInvalid


def _decode(token: str, key: CheckingKey, audience: str) -> dict[str, Any]:
    is_public = key.algorithm == PUBLIC_ALGORITHM
    claims: dict[str, Any] = jwt.decode(
        token,
        key.key,
        algorithms=[key.algorithm],
        leeway=LEEWAY,
        audience=audience if is_public else None,
        issuer=settings.PUBLIC_URL if is_public else None,
        options={"require": [*REQUIRED, "iss", "aud"] if is_public else REQUIRED},
    )
    return claims


def published_keys() -> list[dict[str, str]]:
    """The public keys by which others check our tokens, the one that signs now first."""
    return [jwk(public) for public in _public_keys()]


def _known_keys() -> dict[str, CheckingKey]:
    secrets = (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)
    return {
        **{key_id(secret): CheckingKey(SECRET_ALGORITHM, secret) for secret in secrets},
        **{thumbprint(public): CheckingKey(PUBLIC_ALGORITHM, _loaded(public)) for public in _public_keys()},
    }


def _public_keys() -> list[bytes]:
    own = [] if settings.JWT_SIGNING_KEY is None else [public_half(settings.JWT_SIGNING_KEY)]
    return list(dict.fromkeys([*own, *settings.JWT_PUBLIC_KEYS]))


@cache
def _loaded(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


@cache
def key_id(key: str) -> str:
    """The name of a secret key in a token's header: a fingerprint too short to tell anything of the key."""
    return hashlib.sha256(b"reprotech.tokens.key-id " + key.encode()).hexdigest()[:8]
