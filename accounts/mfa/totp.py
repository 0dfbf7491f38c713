"""Codes of authenticator apps: RFC 6238 with the values that all apps support: SHA-1, six digits, 30 seconds."""

import time
from datetime import timedelta

import pyotp
import segno

from accounts.core.encryption import DecryptionFailed, decrypt, encrypt, is_current

DIGITS = 6
STEP_SECONDS = 30
#: Steps that a phone's clock may be ahead or behind.
WINDOW_STEPS = 1
#: Time to confirm a new secret by a code.
PENDING_SECRET_LIFETIME = timedelta(minutes=30)
ISSUER = "Reprotech"


def generate_secret() -> str:
    """160 random bits in base32 (RFC 4226, section 4)."""
    return pyotp.random_base32()


def matching_step(key: str, code: str, at: float | None = None) -> int | None:
    """The time step of a code within the window; None for a wrong code."""
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now = int((time.time() if at is None else at) // STEP_SECONDS)
    totp = pyotp.HOTP(key, digits=DIGITS)
    # All are compared, whichever matches, each in constant time.
    matching = [step for step in range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1) if totp.verify(code, step)]
    return matching[-1] if matching else None


def provisioning_uri(key: str, username: str) -> str:
    """The URI in the QR code that an app scans."""
    return pyotp.TOTP(key, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(name=username, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    # A `data:` URI: the Content-Security-Policy allows images, but no inline SVG styles.
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff", dark="#000")


def pack_pending_secret(key: str, user_id: int) -> str:
    # A hidden form value: nothing is stored before the secret is confirmed.
    return encrypt(key, _purpose(user_id, "offer"))


def unpack_pending_secret(packed: str, user_id: int) -> str | None:
    """The secret; None for one that is too old, forged or another user's."""
    try:
        return decrypt(packed, _purpose(user_id, "offer"), PENDING_SECRET_LIFETIME)
    except DecryptionFailed:
        return None


def encrypt_secret(key: str, user_id: int) -> str:
    return encrypt(key, _purpose(user_id, "key"))


def decrypt_secret(sealed: str, user_id: int) -> str:
    """Raises DecryptionFailed, as after a replacement of SECRET_KEY."""
    return decrypt(sealed, _purpose(user_id, "key"))


def uses_current_key(sealed: str, user_id: int) -> bool:
    """Whether a stored secret needs no earlier SECRET_KEY."""
    return is_current(sealed, _purpose(user_id, "key"))


def _purpose(user_id: int, use: str) -> str:
    # Part of the encryption key: a secret that is copied to another user's row can't be decrypted.
    return f"totp {use} of user {user_id}"
