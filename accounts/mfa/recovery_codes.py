"""Recovery codes: 120 random bits each, in groups of four letters and digits."""

import base64
import hashlib
import secrets

CODE_COUNT = 10
CODE_BYTES = 15
GROUP_SIZE = 4
#: Of the codes that are made, and of those of 80 bits that were made before and are good until they are replaced.
LENGTHS = (24, 16)


def generate_codes() -> list[str]:
    """Ten new codes as they are shown."""
    return [_grouped(base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode("ascii")) for _ in range(CODE_COUNT)]


def hash_code(typed: str) -> str:
    """The SHA-256 (hex) of a code, however it was typed: with or without hyphens and blanks, in whatever case.

    A slow or salted hash would add nothing to 112 random bits or more (NIST SP 800-63B-4, section 3.1.2.2).
    """
    plain = "".join(typed.replace("-", "").split()).upper()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()


def is_well_formed(typed: str) -> bool:
    """Whether it can be a recovery code at all."""
    return len("".join(typed.replace("-", "").split())) in LENGTHS


def _grouped(code: str) -> str:
    return "-".join(code[place : place + GROUP_SIZE] for place in range(0, len(code), GROUP_SIZE))
