"""Forms for second factors, at sign-in and on one's security page."""

from django import forms

from accounts.common.forms import ServiceForm
from accounts.mfa.services import MAX_PASSKEY_NAME_LENGTH
from accounts.mfa.webauthn import MAX_RESPONSE_LENGTH

#: A recovery code with its hyphens is 19 characters long.
MAX_CODE_LENGTH = 32


def code_input(label: str, **options: str) -> forms.CharField:
    """A field that phones offer to fill in from their authenticator app."""
    attributes = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
    widget = forms.TextInput(attrs={**attributes, **options})
    return forms.CharField(label=label, max_length=MAX_CODE_LENGTH, widget=widget)


class CodeForm(ServiceForm):
    """The six digits of an authenticator app; a recovery code is taken as well."""

    code = code_input("Six-digit code", inputmode="numeric")


class RecoveryCodeForm(ServiceForm):
    """A recovery code; `is_recovery` tells it from the other form of the page."""

    is_recovery = forms.BooleanField(widget=forms.HiddenInput, initial=True)
    code = code_input("Recovery code", autocomplete="off")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{"auto_id": "id_recovery_%s", **kwargs})
        # It may be folded.
        self.fields["code"].widget.attrs.pop("autofocus")


class PasskeyAnswerForm(ServiceForm):
    """A passkey's response, filled in by `passkeys.js`."""

    answer = forms.CharField(max_length=MAX_RESPONSE_LENGTH, widget=forms.HiddenInput)
    remember = forms.BooleanField(required=False, widget=forms.HiddenInput)


class AuthenticatorAppForm(ServiceForm):
    """The first code of a new authenticator app, and its encrypted secret."""

    offer = forms.CharField(max_length=1000, widget=forms.HiddenInput)
    code = code_input("Code that the app shows", inputmode="numeric")


class NewPasskeyForm(ServiceForm):
    """A new passkey's name and the browser's registration response."""

    name = forms.CharField(
        max_length=MAX_PASSKEY_NAME_LENGTH, help_text="What you know it by, such as “Phone” or “Blue key”."
    )
    answer = forms.CharField(max_length=MAX_RESPONSE_LENGTH, required=False, widget=forms.HiddenInput)
