"""Authenticator apps of the tests. Their codes are worked out here by RFC 6238 itself, apart from the code tested."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field

from accounts import totp
from accounts.models import TotpKey, User
from accounts.services.factor_records import make_recovery_codes, note_factors

STEP = 30


@dataclass
class App:
    """A phone with an authenticator app."""

    key: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, ahead=0):
        """What it shows now, or so many steps later."""
        return code_at(base64.b32decode(self.key), time.time() + ahead * STEP)


def code_at(key, seconds, digits=6):
    """RFC 6238 over RFC 4226, SHA-1."""
    digest = hmac.digest(key, int(seconds // STEP).to_bytes(8, "big"), hashlib.sha1)
    place = digest[-1] & 15
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def give_app(user):
    """An authenticator app for a user, set up a while ago."""
    key = totp.new_key()
    user = User.objects.get(pk=user.pk)
    TotpKey.objects.create(user=user, sealed_key=totp.close(key, user.pk))
    note_factors(user)
    return App(key, make_recovery_codes(user))
