"""Encryption of what must be readable again but not in the database, a backup or a page: keys of authenticator apps.

The key comes from SECRET_KEY by HKDF (RFC 5869), another one for each purpose, so that what was encrypted for one
user or use can't be passed off as another's. SECRET_KEY_FALLBACKS still open what an earlier SECRET_KEY closed.
"""

import base64
from datetime import timedelta
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_BYTES = 32


class DecryptionFailed(Exception):
    """Not encrypted by this installation for this purpose, too old, or under a SECRET_KEY that is gone."""


def encrypt(text: str, purpose: str) -> str:
    """The text, encrypted and authenticated under today's SECRET_KEY."""
    return _ciphers(purpose)[0].encrypt(text.encode()).decode("ascii")


def decrypt(sealed: str, purpose: str, max_age: timedelta | None = None) -> str:
    """What was encrypted for the same purpose, at most `max_age` ago; raises Unreadable."""
    age = int(max_age.total_seconds()) if max_age else None
    try:
        return MultiFernet(_ciphers(purpose)).decrypt(sealed.encode(), ttl=age).decode()
    except (InvalidToken, ValueError):
        raise DecryptionFailed from None


def is_current(sealed: str, purpose: str) -> bool:
    """Whether it is encrypted under today's SECRET_KEY and no longer needs the fallbacks."""
    try:
        _ciphers(purpose)[0].decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _ciphers(purpose: str) -> list[Fernet]:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [_cipher(str(secret), purpose) for secret in secrets]


@lru_cache(maxsize=64)
def _cipher(secret: str, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"reprotech {purpose}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
