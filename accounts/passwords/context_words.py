"""Words that everybody of this installation thinks of first, and so does who guesses their passwords."""

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.models import User

#: Characters that a password with such a word in it must have beside it. A word within more is no fault: blocklists
#: compare whole passwords (NIST SP 800-63B-4, 3.1.1.2).
MIN_OTHER_CHARACTERS = 5


class ContextWordValidator:
    """Not the product's name or one of PASSWORD_CONTEXT_WORDS with hardly anything beside it, such as "Lims-2026"."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise ValidationError when the password is little more than such a word."""
        typed = password.casefold()
        found = [word for word in settings.PASSWORD_CONTEXT_WORDS if word in typed]
        if any(len(typed.replace(word, "")) < MIN_OTHER_CHARACTERS for word in found):
            raise ValidationError(self.get_help_text(), code="context_word")

    def get_help_text(self) -> str:
        """The rule as a sentence."""
        return "Don't use the name of this system or of your laboratory."
