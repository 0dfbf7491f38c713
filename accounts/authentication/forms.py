"""The sign-in form."""

from typing import Any

from django import forms
from django.conf import settings

from accounts.common.forms import ServiceForm
from accounts.passwords.form_fields import password_input


class LoginForm(ServiceForm):
    """Name and password."""

    username = forms.CharField(
        label="Username or e-mail",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    password = password_input("Password", "current-password")
    remember = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = settings.REMEMBERED_SESSION_LIFETIME.days
        #: An installation may take the choice away.
        self.may_remember = days > 0
        self.fields["remember"].label = f"Keep me signed in for {days} day{'' if days == 1 else 's'} on this device"
