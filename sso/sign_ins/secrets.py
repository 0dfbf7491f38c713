"""Codes and tokens that programs get: 256 random bits behind a prefix that secret scanners recognise.

Only their SHA-256 is stored. A slow hash is for what can be guessed, and these can't.
"""

import re
import secrets

from sso.applications.secrets import hash_secret

ACCESS_TOKEN_PREFIX = "rpo_"  # noqa: S105 (no secret)
REFRESH_TOKEN_PREFIX = "rpr_"  # noqa: S105 (as above)
CODE_PREFIX = "rpc_"
DEVICE_CODE_PREFIX = "rpd_"
SECRET_BYTES = 32
#: Of the part that all refresh tokens of one sign-in have in common: 128 bits, in hexadecimal digits.
FAMILY_LENGTH = 32
REFRESH_TOKEN = re.compile(rf"{REFRESH_TOKEN_PREFIX}[0-9a-f]{{{FAMILY_LENGTH + 2 * SECRET_BYTES}}}", re.ASCII)

__all__ = ["hash_secret", "new_secret"]


def new_secret(prefix: str) -> str:
    return prefix + secrets.token_hex(SECRET_BYTES)


def new_family() -> str:
    """What the refresh tokens of a new sign-in begin with. Only who has one of them knows it."""
    return secrets.token_hex(FAMILY_LENGTH // 2)


def new_refresh_token(family: str) -> str:
    return f"{REFRESH_TOKEN_PREFIX}{family}{secrets.token_hex(SECRET_BYTES)}"


def family_of(refresh_token: str) -> str:
    """The part by which a refresh token says whose it is; "" if this can't be one."""
    is_whole = REFRESH_TOKEN.fullmatch(refresh_token)
    return refresh_token.removeprefix(REFRESH_TOKEN_PREFIX)[:FAMILY_LENGTH] if is_whole else ""
