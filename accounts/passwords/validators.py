"""Password rules beside Django's list of common passwords. They are asked of normalized passwords."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError

from accounts.models import User

#: A bound on the work that a request can cause; the policy itself sets none (NIST SP 800-63B-4, 3.1.1.2).
MAX_PASSWORD_LENGTH = 1024
HISTORY_LENGTH = 5
#: Characters that a password with the account's own name in it must have beside it. A name within more is no fault: a
#: blocklist compares whole passwords (NIST SP 800-63B-4, 3.1.1.2), and the strength estimate tells of the name.
MIN_OTHER_CHARACTERS = 4

CHARACTER_CLASSES = (
    ("An upper-case letter", r"\p{Lu}"),
    ("A lower-case letter", r"\p{Ll}"),
    ("A digit", r"\p{Nd}"),
    ("A special character, such as ! or -", r"[^\p{L}\p{N}]"),
)
#: What the validators below ask of the password itself: a sentence, and the pattern by which a browser tells while
#: one types (JavaScript's Unicode flavour). The server alone decides.
SHOWN_RULES = (
    (f"At least {settings.PASSWORD_MIN_LENGTH} characters", f"^[^]{{{settings.PASSWORD_MIN_LENGTH},}}$"),
    *(CHARACTER_CLASSES if settings.PASSWORD_CHARACTER_CLASSES else ()),
)


def validators(*, of_history: bool) -> list[Any]:
    """The rule about earlier passwords, which costs up to five hashes, or all others, which cost none."""
    return [
        validator
        for validator in get_default_password_validators()
        if isinstance(validator, HistoryValidator) == of_history
    ]


class LengthValidator:
    """At least PASSWORD_MIN_LENGTH characters."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise ValidationError for one that is too short or absurdly long."""
        if len(password) < settings.PASSWORD_MIN_LENGTH:
            raise ValidationError(self.get_help_text(), code="too_short")
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(f"Use at most {MAX_PASSWORD_LENGTH} characters.", code="too_long")

    def get_help_text(self) -> str:
        """The rule as a sentence."""
        return f"Use at least {settings.PASSWORD_MIN_LENGTH} characters."


class CharacterClassValidator:
    """Upper and lower case, a digit and a special character, unless PASSWORD_CHARACTER_CLASSES is false."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise ValidationError unless each class occurs."""
        if not settings.PASSWORD_CHARACTER_CLASSES:
            return
        classes = (str.isupper, str.islower, str.isdigit, lambda char: not char.isalnum())
        if not all(any(belongs(char) for char in password) for belongs in classes):
            raise ValidationError(self.get_help_text(), code="character_classes")

    def get_help_text(self) -> str:
        """The rule as a sentence."""
        return "Use an upper-case and a lower-case letter, a digit and a special character."


class AccountNameValidator:
    """Not the username or the e-mail address, nor one of them with hardly anything beside it."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when the password is little more than one of the account's own names."""
        if user is None:
            return
        typed = password.casefold()
        names = {name.casefold() for name in (user.username, user.email, user.email.partition("@")[0])} - {""}
        if any(len(typed.replace(name, "")) < MIN_OTHER_CHARACTERS for name in names if name in typed):
            raise ValidationError(self.get_help_text(), code="account_name")

    def get_help_text(self) -> str:
        """The rule as a sentence."""
        return "Don't use your username or e-mail address."


class HistoryValidator:
    """Not one of the last 5, the present one included."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for a recent password of the stored `user`."""
        if user is None or user.pk is None:
            return
        earlier = user.password_history.values_list("password", flat=True)[: HISTORY_LENGTH - 1]
        if any(is_usable_hash(encoded) and check_password(password, encoded) for encoded in (user.password, *earlier)):
            raise ValidationError(self.get_help_text(), code="used_before")

    def get_help_text(self) -> str:
        """The rule as a sentence."""
        return f"Don't use one of your last {HISTORY_LENGTH} passwords."


def is_usable_hash(encoded: str) -> bool:
    """Whether a stored hash is one, and not the mark of an account without a password."""
    return bool(encoded) and not encoded.startswith("!")
