"""The form of the sign-in page."""

from django import forms
from django.conf import settings

from accounts.common.forms import ServiceForm
from accounts.passwords.form_fields import identifier_input, password_input


class LoginForm(ServiceForm):
    username = identifier_input()
    password = password_input("Password", "current-password")
    remember = forms.BooleanField(required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        days = settings.REMEMBERED_SESSION_LIFETIME.days
        #: Whether the installation offers the choice.
        self.may_remember = days > 0
        self.fields["remember"].label = f"Keep me signed in for {days} day{'' if days == 1 else 's'} on this device"

    def refuse(self, sentence: str) -> None:
        """Show why the sign-in was refused: the name is kept, the password is to be typed again."""
        self.add_error(None, sentence)
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["password"].widget.attrs["autofocus"] = True
