"""Form fields for identifiers and passwords."""

from django import forms

from accounts.passwords.validators import MAX_PASSWORD_LENGTH
from reprotech.api.fields import StrictStringField

#: Of a username or an e-mail address.
MAX_IDENTIFIER_LENGTH = 254


def identifier_input() -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True})
    return forms.CharField(label="Username or e-mail", max_length=MAX_IDENTIFIER_LENGTH, widget=widget)


class PasswordField(forms.CharField):
    def widget_attrs(self, widget: forms.Widget) -> dict[str, object]:
        attributes: dict[str, object] = super().widget_attrs(widget)
        # A browser would silently cut a pasted password; the server says that it is too long.
        attributes.pop("maxlength", None)
        return attributes


def password_input(label: str, autocomplete: str, *, required: bool = True, help_text: str = "") -> forms.CharField:
    """A password field that password managers understand."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    errors = {"max_length": f"Use at most {MAX_PASSWORD_LENGTH} characters."}
    return PasswordField(
        label=label,
        widget=widget,
        required=required,
        help_text=help_text,
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        error_messages=errors,
    )


def password_field(*, required: bool = True, help_text: str | None = None) -> StrictStringField:
    """A password exactly as typed, without trimming."""
    return StrictStringField(
        max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, required=required, help_text=help_text
    )
