"""The text of API keys: `rpt_<prefix>_<secret>`, which secret scanners recognise."""

import hashlib
import re
import secrets
from dataclasses import dataclass

#: Starts every key, and no access token.
PREFIX = "rpt_"
KEY_PATTERN = re.compile(r"rpt_([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as the client sends it."""

    text: str
    prefix: str

    @property
    def secret_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def generate() -> KeyText:
    """A new key with 256 random bits."""
    prefix = secrets.token_hex(6)
    return KeyText(f"{PREFIX}{prefix}_{secrets.token_hex(32)}", prefix)


def parse(text: str) -> KeyText | None:
    """None if the text doesn't have the form of a key."""
    match = KEY_PATTERN.fullmatch(text)
    return KeyText(text, match[1]) if match else None
