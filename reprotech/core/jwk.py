"""Ed25519 keys of tokens as text and as JSON Web Keys (RFC 7517, RFC 8037). Nothing here needs Django."""

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from contextlib import suppress
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from reprotech.core.key_material import parse_seed


def parse_private_key(text: str) -> bytes:
    """Read a private key, 32 bytes in base64 or PEM; raises a ValueError that doesn't repeat the secret."""
    if "-----BEGIN" not in text:
        return parse_seed(text)
    key = None
    # The library's error may quote the text.
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("must be an Ed25519 private key in PEM, without a password, or 32 random bytes in base64")
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def parse_public_key(text: str) -> bytes:
    """Read a public key as `encode_public_key` and `openssl pkey -pubout` write it; raises ValueError."""
    # 32 bare bytes are refused: a private key looks the same, and what is read here is published.
    key = None
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_der_public_key(b64decode(text, validate=True))
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("must list public keys, each as manage.py token_key prints it")
    return key.public_bytes_raw()


def encode_public_key(public: bytes) -> str:
    """A public key as settings hold it: the body of its PEM."""
    der = Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


@cache
def public_key_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


@cache
def thumbprint(public: bytes) -> str:
    """The key id in tokens (RFC 7638)."""
    # The members in this order and without blanks, as RFC 7638, section 3, prescribes: others compute the same.
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _unpadded(public)}, separators=(",", ":"))
    return _unpadded(hashlib.sha256(members.encode()).digest())


def as_jwk(public: bytes) -> dict[str, str]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": thumbprint(public),
        "x": _unpadded(public),
    }


def _unpadded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
