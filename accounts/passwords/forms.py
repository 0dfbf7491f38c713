"""Forms to reset, set and change a password."""

from django import forms

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.passwords.fields import identifier_input, password_input
from accounts.passwords.services import confirm_password
from accounts.passwords.validators import SHOWN_RULES
from accounts.sessions.page_sessions import apply_renewal
from reprotech.core.exceptions import DomainError


class ForgottenPasswordForm(ServiceForm):
    username = identifier_input()


class NewPasswordForm(ServiceForm):
    POLICY = "Not your username or e-mail address, not a common password, and not one of your last 5."
    #: Whose it will be: the rules say "your".
    is_own_password = True
    #: Shown next to the field and ticked off while typing.
    rules = SHOWN_RULES

    new_password = password_input("New password", "new-password", help_text=POLICY)
    repeated = password_input("Repeat the new password", "new-password")

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        repeated = cleaned.pop("repeated", None)
        if repeated is not None and repeated != cleaned.get("new_password"):
            self.add_error("repeated", "The two passwords differ.")
        return cleaned


#: Ids of fields in the dialog over a page, which has fields of the same names.
SESSION_IDS = "id_session_%s"


class ConfirmPasswordForm(ServiceForm):
    password = password_input("Password", "current-password")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True

    def confirm(self, request: PageRequest) -> bool:
        """Whether it is the password: the cookie of the page session is replaced then; else the form shows why not."""
        if not self.is_valid():
            return False
        try:
            session = confirm_password(actor=request.user, session_id=request.page_session.pk, **self.cleaned_data)
        except DomainError as refusal:
            self.add_refusal(refusal)
            return False
        apply_renewal(request, session)
        return True


class ChangePasswordForm(NewPasswordForm):
    current_password = password_input("Current password", "current-password")
    revoke_keys = forms.BooleanField(
        label="Revoke my API keys too",
        required=False,
        help_text="Do so if another person may know the old password or have one of the keys.",
    )
    field_order = ("current_password", "new_password", "repeated")
