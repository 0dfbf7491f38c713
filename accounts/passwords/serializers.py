"""Fields for passwords in request bodies."""

from typing import Any

from accounts.passwords.validators import MAX_PASSWORD_LENGTH
from reprotech.api.fields import StrictStringField


def password_field(**options: Any) -> StrictStringField:
    """A password exactly as typed: nothing is trimmed."""
    return StrictStringField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, **options)
