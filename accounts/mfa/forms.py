"""Forms of the second factor: at the sign-in and on one's security page."""

from typing import Any

from django import forms

from accounts.common.forms import ServiceForm
from accounts.mfa.webauthn import MAX_RESPONSE_LENGTH
from accounts.passwords.form_fields import password_input

#: A recovery code with its hyphens is 19 characters long.
MAX_CODE_LENGTH = 32


def code_input(label: str, **options: str) -> forms.CharField:
    """A field for a code, which phones offer to fill in from their app."""
    attributes = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
    widget = forms.TextInput(attrs={**attributes, **options})
    return forms.CharField(label=label, max_length=MAX_CODE_LENGTH, widget=widget)


class CodeForm(ServiceForm):
    """The second step of a sign-in."""

    code = code_input("Code")


class PasskeyAnswerForm(ServiceForm):
    """What the browser's passkey answered, put in by `passkeys.js`."""

    answer = forms.CharField(max_length=MAX_RESPONSE_LENGTH, widget=forms.HiddenInput)
    remember = forms.BooleanField(required=False, widget=forms.HiddenInput)


class AuthenticatorAppForm(ServiceForm):
    """The first code of a new authenticator app, and the key that it was given, closed."""

    offer = forms.CharField(max_length=1000, widget=forms.HiddenInput)
    code = code_input("Code that the app shows", inputmode="numeric")


class NewPasskeyForm(ServiceForm):
    """A new passkey's name and what the browser made."""

    name = forms.CharField(max_length=60, help_text="What you know it by, such as “Phone” or “Blue key”.")
    answer = forms.CharField(max_length=MAX_RESPONSE_LENGTH, required=False, widget=forms.HiddenInput)


class ConfirmPasswordForm(ServiceForm):
    """One's password, once more."""

    password = password_input("Password", "current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # It is all that the page asks.
        self.fields["password"].widget.attrs["autofocus"] = True
