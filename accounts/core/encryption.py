"""Encryption of secrets that are needed in plain text again, such as the keys of authenticator apps.

Each purpose has its own key, derived from SECRET_KEY by HKDF (RFC 5869), so that a secret of one user or use can't be
passed off as another's. SECRET_KEY_FALLBACKS still decrypt.
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
    """Not encrypted here for this purpose, too old, or encrypted under an unknown SECRET_KEY."""


def encrypt(text: str, purpose: str) -> str:
    """Encrypt and authenticate under the present SECRET_KEY."""
    return _ciphers(purpose)[0].encrypt(text.encode()).decode("ascii")


def decrypt(sealed: str, purpose: str, max_age: timedelta | None = None) -> str:
    """Decrypt what was encrypted for the same purpose, at most `max_age` ago; raises DecryptionFailed."""
    age = int(max_age.total_seconds()) if max_age else None
    try:
        return MultiFernet(_ciphers(purpose)).decrypt(sealed.encode(), ttl=age).decode()
    # A form may send text that UTF-8 can't encode, such as half of a surrogate pair.
    except (InvalidToken, ValueError):
        raise DecryptionFailed from None


def is_current(sealed: str, purpose: str) -> bool:
    """Whether it is encrypted under the present SECRET_KEY, not under a fallback."""
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
    # Without a salt, which would have to be stored: SECRET_KEY is random (RFC 5869, section 3.1).
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"reprotech {purpose}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
