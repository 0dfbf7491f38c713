"""Forms to reset, set and change a password."""

from django import forms

from accounts.common.forms import ServiceForm
from accounts.passwords.form_fields import identifier_input, password_input
from accounts.passwords.validators import SHOWN_RULES


class ForgottenPasswordForm(ServiceForm):
    username = identifier_input()


class NewPasswordForm(ServiceForm):
    POLICY = "Not your username or e-mail address, not a common password, and not one of your last 5."
    #: Shown next to the field and ticked off while typing.
    rules = SHOWN_RULES

    new_password = password_input("New password", "new-password", help_text=POLICY)
    repeated = password_input("Repeat the new password", "new-password")

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if "repeated" in cleaned and cleaned["repeated"] != cleaned.get("new_password"):
            self.add_error("repeated", "The two passwords differ.")
        return cleaned


class ConfirmPasswordForm(ServiceForm):
    password = password_input("Password", "current-password")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True


class ChangePasswordForm(NewPasswordForm):
    current_password = password_input("Current password", "current-password")
    revoke_keys = forms.BooleanField(
        label="Revoke my API keys too",
        required=False,
        help_text="Do so if another person may know the old password or have one of the keys.",
    )
    field_order = ("current_password", "new_password", "repeated")
