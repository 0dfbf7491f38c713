"""Validators of the models' fields, so that API, pages, admin and commands all have them."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator

from reprotech.core.normalization import is_deceptive

validate_username = RegexValidator(
    # ASCII alone, so that no name looks like another.
    r"\A[A-Za-z0-9.\-_@+]*\Z",
    "Use letters (a to z), digits and . - _ @ + only.",
)
validate_username_length = MinLengthValidator(3, "Use at least 3 characters.")


def validate_plain_text(text: str) -> None:
    """Refuse control, invisible and private-use characters, which can disguise a text."""
    if is_deceptive(text):
        raise ValidationError("Leave out control characters and invisible characters.", code="characters")


def validate_person_name(text: str) -> None:
    """Refuse symbols and emoji; names of every script are accepted."""
    validate_plain_text(text)
    if any(unicodedata.category(char) == "So" for char in text):
        raise ValidationError("Leave out symbols and emoji.", code="characters")
