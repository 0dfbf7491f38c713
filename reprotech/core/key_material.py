"""Private keys as text: 32 random bytes in base64. Settings read them too, so nothing here needs Django."""

import os
from base64 import b64decode, b64encode

#: Of an Ed25519 private key (RFC 8032, section 5.1.5).
SEED_BYTES = 32


def new_seed() -> bytes:
    return os.urandom(SEED_BYTES)


def encode_seed(seed: bytes) -> str:
    return b64encode(seed).decode()


def parse_seed(text: str) -> bytes:
    """Read a private key; raises a ValueError that doesn't repeat the secret."""
    try:
        seed = b64decode(text.strip(), validate=True)
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES or len(set(seed)) == 1:
        raise ValueError("must be 32 random bytes in base64. Make one with: openssl rand -base64 32")
    return seed
