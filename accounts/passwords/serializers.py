"""Fields for passwords in request bodies."""

from typing import Any

from accounts.passwords.validators import MAX_PASSWORD_LENGTH
from reprotech.api.parsers import StringField


def password_field(**options: Any) -> StringField:
    """A password exactly as typed: nothing is trimmed."""
    return StringField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, **options)
