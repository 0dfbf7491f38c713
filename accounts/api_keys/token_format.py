"""API keys as text: `rpt_<prefix>_<secret>`, which scanners for leaked secrets recognise."""

import hashlib
import re
import secrets
from dataclasses import dataclass

#: What every key begins with, and no access token.
PREFIX = "rpt_"
KEY_PATTERN = re.compile(r"rpt_([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as it is sent, and what is kept of it."""

    text: str
    prefix: str

    @property
    def secret_hash(self) -> str:
        """SHA-256 (hex) of the whole key."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def generate() -> KeyText:
    """A new key, with 256 random bits."""
    prefix = secrets.token_hex(6)
    return KeyText(f"{PREFIX}{prefix}_{secrets.token_hex(32)}", prefix)


def parse(text: str) -> KeyText | None:
    """The key, if the text has the form of one."""
    found = KEY_PATTERN.fullmatch(text)
    return KeyText(text, found[1]) if found else None
