"""Forms of passwords."""

from typing import Any

from django import forms

from accounts.common.forms import ServiceForm
from accounts.passwords.form_fields import password_input
from accounts.passwords.validators import SHOWN_RULES


class ForgottenPasswordForm(ServiceForm):
    """Whose password is forgotten."""

    username = forms.CharField(
        label="Username or e-mail",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )


class NewPasswordForm(ServiceForm):
    """A new password, twice."""

    POLICY = "Not your username or e-mail address, not a common password, and not one of your last 5."
    #: Shown beside the field, and ticked off while one types.
    rules = SHOWN_RULES

    new_password = password_input("New password", "new-password", help_text=POLICY)
    repeated = password_input("Repeat the new password", "new-password")

    def clean(self) -> dict[str, Any]:
        """Refuse two different passwords."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "repeated" in cleaned and cleaned["repeated"] != cleaned.get("new_password"):
            self.add_error("repeated", "The two passwords differ.")
        return cleaned


class ChangePasswordForm(NewPasswordForm):
    """The present password and a new one, twice."""

    current_password = password_input("Current password", "current-password")
    revoke_keys = forms.BooleanField(
        label="Revoke my API keys too",
        required=False,
        help_text="Do so if another person may know the old password or have one of the keys.",
    )
    field_order = ("current_password", "new_password", "repeated")
