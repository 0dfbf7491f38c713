"""Codes of authenticator apps: RFC 6238 as the apps know it, SHA-1, six digits, half a minute."""

import time
from datetime import timedelta

import pyotp
import segno

from accounts.core.encryption import DecryptionFailed, decrypt, encrypt, is_current

DIGITS = 6
STEP_SECONDS = 30  # seconds
#: How many steps a phone's clock may be ahead or behind.
WINDOW_STEPS = 1
#: How long a new key waits to be confirmed by a code.
PENDING_SECRET_LIFETIME = timedelta(minutes=30)
ISSUER = "Reprotech"


def generate_secret() -> str:
    """160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def matching_step(key: str, code: str, at: float | None = None) -> int | None:
    """The time step that the code belongs to, one within the window; None for a wrong code."""
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now = int((time.time() if at is None else at) // STEP_SECONDS)
    totp = pyotp.HOTP(key, digits=DIGITS)
    # All are compared, whichever matches, and each in constant time.
    matching = [step for step in range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1) if totp.verify(code, step)]
    return matching[-1] if matching else None


def provisioning_uri(key: str, username: str) -> str:
    """What the QR code says to the app."""
    return pyotp.TOTP(key, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(name=username, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    """A QR code as the address of an image, which the Content-Security-Policy allows where inline styles aren't."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff", dark="#000")


def grouped(text: str, size: int = 4) -> str:
    """`ABCD EFGH …`, to type off."""
    return " ".join(text[place : place + size] for place in range(0, len(text), size))


def pack_pending_secret(key: str, user_id: int) -> str:
    """A key that isn't confirmed yet, closed, to come back with the code: nothing is stored until then."""
    return encrypt(key, _purpose(user_id, "offer"))


def unpack_pending_secret(sealed: str, user_id: int) -> str | None:
    """The key that was offered to this user, unless that is long ago or made up."""
    try:
        return decrypt(sealed, _purpose(user_id, "offer"), PENDING_SECRET_LIFETIME)
    except DecryptionFailed:
        return None


def encrypt_secret(key: str, user_id: int) -> str:
    """The key as it is stored."""
    return encrypt(key, _purpose(user_id, "key"))


def decrypt_secret(sealed: str, user_id: int) -> str:
    """The key of a stored one; raises Unreadable."""
    return decrypt(sealed, _purpose(user_id, "key"))


def uses_current_key(sealed: str, user_id: int) -> bool:
    """Whether a stored key needs no earlier SECRET_KEY."""
    return is_current(sealed, _purpose(user_id, "key"))


def _purpose(user_id: int, use: str) -> str:
    return f"totp {use} of user {user_id}"
