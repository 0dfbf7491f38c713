"""The field for a password in request bodies."""

from accounts.passwords.validators import MAX_PASSWORD_LENGTH
from reprotech.api.fields import StrictStringField


def password_field(*, required: bool = True, help_text: str | None = None) -> StrictStringField:
    """A password exactly as typed, without trimming."""
    return StrictStringField(
        max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, required=required, help_text=help_text
    )
