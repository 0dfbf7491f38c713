"""Signing and verifying JSON Web Tokens with the installation's keys (RFC 7515, RFC 7519).

The algorithm belongs to the key: no token's header can choose another (RFC 8725, sections 3.1 and 3.2).
"""

import copy
import re
from functools import lru_cache
from typing import Any, ClassVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from sso.models import SigningAlgorithm

Key = RSAKey | ECKey | OKPKey

#: NIST SP 800-57: as strong as the other two, until 2030 and beyond.
RSA_BITS = 3072
KEY_CLASSES: dict[str, type[RSAKey | ECKey | OKPKey]] = {
    SigningAlgorithm.RS256: RSAKey,
    SigningAlgorithm.ES256: ECKey,
    SigningAlgorithm.EDDSA: OKPKey,
}
#: A key's id: its thumbprint (RFC 7638) in base64url.
KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
#: What parsing a forged token may raise.
PARSING_ERRORS = (JoseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)


class InvalidToken(Exception):
    """None of our keys signed it, or it isn't what we sign."""


def _algorithms() -> dict[str, Any]:
    # joserfc warns of each use: RFC 9864 renamed EdDSA to Ed25519. Programs know the old name, the key is the same.
    eddsa = copy.copy(JWSRegistry.algorithms["EdDSA"])
    eddsa.security_warning = None
    return {**JWSRegistry.algorithms, "EdDSA": eddsa}


class Registry(JWSRegistry):
    algorithms: ClassVar[dict[str, Any]] = _algorithms()  # type: ignore[misc]


def new_key(algorithm: str) -> Key:
    if algorithm == SigningAlgorithm.RS256:
        return RSAKey.generate_key(RSA_BITS, private=True)
    if algorithm == SigningAlgorithm.ES256:
        return ECKey.generate_key("P-256", private=True)
    return OKPKey.generate_key("Ed25519", private=True)


def to_pem(key: Key) -> str:
    return key.as_pem(private=True).decode("ascii")


# Parsing an RSA key takes longer than signing with it.
@lru_cache(maxsize=16)
def from_pem(algorithm: str, pem: str) -> Key:
    return KEY_CLASSES[algorithm].import_key(pem)


def public_jwk(key: Key, algorithm: str) -> dict[str, Any]:
    """The public half as a JSON Web Key, with its id."""
    return {**key.as_dict(private=False), "use": "sig", "alg": algorithm, "kid": key.thumbprint()}


def sign(claims: dict[str, Any], key: Key, *, algorithm: str, kind: str = "JWT") -> str:
    """A token with these claims; `kind` is its `typ`."""
    header = {"alg": algorithm, "kid": key.thumbprint(), "typ": kind}
    return jwt.encode(header, claims, key, registry=Registry(algorithms=[algorithm]))


def key_id_in(token: str) -> str:
    """The id of the key that a token says it is signed with; nothing is verified yet. Raises InvalidToken."""
    try:
        kid = extract_compact(token.encode("ascii")).headers()["kid"]
    except PARSING_ERRORS as error:
        raise InvalidToken from error
    # It goes into a query before anything is verified.
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise InvalidToken
    return kid


def verify(token: str, key: Key, *, algorithm: str) -> dict[str, Any]:
    """The claims of a token that this key signed, whatever its times say; raises InvalidToken."""
    try:
        return dict(jwt.decode(token, key, registry=Registry(algorithms=[algorithm])).claims)
    except PARSING_ERRORS as error:
        raise InvalidToken from error
