"""Recovery codes: 120 random bits each, shown in groups of four letters and digits."""

import base64
import hashlib
import secrets
from textwrap import wrap

CODE_COUNT = 10
CODE_BYTES = 15
#: Of today's codes, and of 80-bit ones of earlier versions, which are valid until replaced.
LENGTHS = (24, 16)


def generate_codes() -> list[str]:
    codes = (base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode("ascii") for _ in range(CODE_COUNT))
    return ["-".join(wrap(code, 4)) for code in codes]


def hash_code(typed: str) -> str:
    """The SHA-256 (hex) of a code, whatever its hyphens, blanks and case."""
    # A slow or salted hash adds nothing to 112 random bits or more (NIST SP 800-63B-4, section 3.1.2.2).
    return hashlib.sha256(_plain(typed).upper().encode(errors="surrogatepass")).hexdigest()


def is_well_formed(typed: str) -> bool:
    return len(_plain(typed)) in LENGTHS


def _plain(typed: str) -> str:
    return "".join(typed.replace("-", "").split())
