"""Form fields for passwords."""

from typing import Any

from django import forms

from accounts.passwords.validators import MAX_PASSWORD_LENGTH


class PasswordField(forms.CharField):
    """A password, as it was typed or pasted."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No `maxlength`: a browser would cut what is pasted and say nothing. The server says what is too long."""
        attributes: dict[str, Any] = super().widget_attrs(widget)
        attributes.pop("maxlength", None)
        return attributes


def password_input(label: str, autocomplete: str, **options: Any) -> forms.CharField:
    """A password field that password managers understand."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    errors = {"max_length": f"Use at most {MAX_PASSWORD_LENGTH} characters."}
    return PasswordField(
        label=label, widget=widget, strip=False, max_length=MAX_PASSWORD_LENGTH, error_messages=errors, **options
    )
