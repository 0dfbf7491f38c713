"""Codes and tokens that programs get: 256 random bits behind a prefix that secret scanners recognise.

Only their SHA-256 is stored. A slow hash is for what can be guessed, and these can't.
"""

import secrets

from sso.applications.secrets import hash_secret

ACCESS_TOKEN_PREFIX = "rpo_"  # noqa: S105 (no secret)
REFRESH_TOKEN_PREFIX = "rpr_"  # noqa: S105 (as above)
CODE_PREFIX = "rpc_"
DEVICE_CODE_PREFIX = "rpd_"
SECRET_BYTES = 32

__all__ = ["hash_secret", "new_secret"]


def new_secret(prefix: str) -> str:
    return prefix + secrets.token_hex(SECRET_BYTES)
