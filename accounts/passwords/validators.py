"""Password rules in addition to Django's list of common passwords, for normalized passwords."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError

from accounts.models import User

if TYPE_CHECKING:
    from django.contrib.auth.password_validation import PasswordValidator

#: Bounds the work that a request can cause; the policy itself sets no maximum (NIST SP 800-63B-4, 3.1.1.2).
MAX_PASSWORD_LENGTH = 1024
HISTORY_LENGTH = 5
USED_BEFORE = f"Don't use one of your last {HISTORY_LENGTH} passwords."
#: Other characters that a password with a name or word of this context must have. Within a longer password they are
#: fine: blocklists compare whole passwords (NIST SP 800-63B-4, 3.1.1.2).
MIN_BESIDES_ACCOUNT_NAME = 4
MIN_BESIDES_CONTEXT_WORD = 5

CHARACTER_CLASSES = (
    ("An upper-case letter", r"\p{Lu}"),
    ("A lower-case letter", r"\p{Ll}"),
    ("A digit", r"\p{Nd}"),
    ("A special character, such as ! or -", r"[^\p{L}\p{N}]"),
)
#: Rules that the page checks while typing, each with a JavaScript pattern (flag v). The server alone decides.
SHOWN_RULES = (
    (f"At least {settings.PASSWORD_MIN_LENGTH} characters", f"^[^]{{{settings.PASSWORD_MIN_LENGTH},}}$"),
    *(CHARACTER_CLASSES if settings.PASSWORD_CHARACTER_CLASSES else ()),
)


def validators(*, of_history: bool) -> list["PasswordValidator"]:
    """The rule about earlier passwords, which costs up to five hashes, or all others, which cost none."""
    return [
        validator
        for validator in get_default_password_validators()
        if isinstance(validator, HistoryValidator) == of_history
    ]


class LengthValidator:
    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        if len(password) < settings.PASSWORD_MIN_LENGTH:
            raise ValidationError(f"Use at least {settings.PASSWORD_MIN_LENGTH} characters.", code="too_short")
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(f"Use at most {MAX_PASSWORD_LENGTH} characters.", code="too_long")


class CharacterClassValidator:
    """Upper and lower case, a digit and a special character, unless PASSWORD_CHARACTER_CLASSES is false."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        if not settings.PASSWORD_CHARACTER_CLASSES:
            return
        classes = (str.isupper, str.islower, str.isdigit, lambda char: not char.isalnum())
        if not all(any(belongs(char) for char in password) for belongs in classes):
            sentence = "Use an upper-case and a lower-case letter, a digit and a special character."
            raise ValidationError(sentence, code="character_classes")


class AccountNameValidator:
    """Refuses little more than the username or e-mail address."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None:
            return
        names = {name.casefold() for name in (user.username, user.email, user.email.partition("@")[0])} - {""}
        if _is_little_more_than(names, password, MIN_BESIDES_ACCOUNT_NAME):
            raise ValidationError("Don't use your username or e-mail address.", code="account_name")


class ContextWordValidator:
    """Refuses little more than the product's name or one of PASSWORD_CONTEXT_WORDS, such as "Lims-2026"."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        if _is_little_more_than(settings.PASSWORD_CONTEXT_WORDS, password, MIN_BESIDES_CONTEXT_WORD):
            raise ValidationError("Don't use the name of this system or of your laboratory.", code="context_word")


def _is_little_more_than(words: Iterable[str], password: str, min_besides: int) -> bool:
    folded = password.casefold()
    return any(len(folded.replace(word, "")) < min_besides for word in words if word in folded)


class HistoryValidator:
    """Refuses the last 5 passwords, including the current one."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None or user.pk is None:
            return
        earlier = user.password_history.values_list("password", flat=True)[: HISTORY_LENGTH - 1]
        if any(is_usable_hash(encoded) and check_password(password, encoded) for encoded in (user.password, *earlier)):
            raise ValidationError(USED_BEFORE, code="used_before")


def is_usable_hash(encoded: str) -> bool:
    """Whether the account has a password: others have an unusable hash, or none."""
    return bool(encoded) and is_password_usable(encoded)
