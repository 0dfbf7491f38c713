"""Challenges of WebAuthn: random, for one purpose, good for five minutes and once.

A browser keeps its own in the signed cookie, so that nothing is stored for who only asks; `accounts.access.one_time`
keeps the names of the used ones.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

LIFETIME = timedelta(minutes=5)
CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge, and what it was made for."""

    value: bytes
    purpose: str
    expires_at: datetime

    @classmethod
    def new(cls, purpose: str) -> "Challenge":
        """A new one."""
        return cls(secrets.token_bytes(CHALLENGE_BYTES), purpose, timezone.now() + LIFETIME)

    @classmethod
    def from_cookie(cls, kept: Any, purpose: str) -> "Challenge | None":
        """The one that the signed cookie keeps, if it was made for this purpose and is young."""
        if not kept:
            return None
        value, made_for, expires = kept
        found = cls(base64.b64decode(value), made_for, datetime.fromtimestamp(expires, UTC))
        return found if made_for == purpose and found.expires_at > timezone.now() else None

    def for_cookie(self) -> list[Any]:
        """What the signed cookie keeps."""
        return [base64.b64encode(self.value).decode("ascii"), self.purpose, int(self.expires_at.timestamp())]

    @property
    def name(self) -> str:
        """What it is called once it is spent."""
        return f"challenge {base64.urlsafe_b64encode(self.value).decode('ascii')}"
