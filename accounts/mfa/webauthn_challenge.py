"""WebAuthn challenges: random, for one purpose, valid for five minutes and once.

The browser keeps its own in the session cookie, so that requests alone store nothing; used ones are recorded.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

LIFETIME = timedelta(minutes=5)
#: WebAuthn, section 13.4.3, asks for at least 16.
CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Challenge:
    """A random value, and the purpose that it may be used for."""

    value: bytes
    purpose: str
    expires_at: datetime

    @classmethod
    def new(cls, purpose: str) -> "Challenge":
        return cls(secrets.token_bytes(CHALLENGE_BYTES), purpose, timezone.now() + LIFETIME)

    @classmethod
    def from_cookie(cls, stored: tuple[str, str, int] | None, purpose: str) -> "Challenge | None":
        """The challenge in the cookie, if it has this purpose and hasn't expired."""
        if not stored:
            return None
        value, stored_purpose, expires = stored
        challenge = cls(base64.b64decode(value), stored_purpose, datetime.fromtimestamp(expires, UTC))
        return challenge if stored_purpose == purpose and challenge.expires_at > timezone.now() else None

    def for_cookie(self) -> list[str | int]:
        return [base64.b64encode(self.value).decode("ascii"), self.purpose, int(self.expires_at.timestamp())]

    @property
    def name(self) -> str:
        """Its name among used one-time tokens."""
        return f"challenge {base64.urlsafe_b64encode(self.value).decode('ascii')}"
