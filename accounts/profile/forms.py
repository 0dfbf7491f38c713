"""Forms of one's own account."""

from django import forms

from accounts.common.forms import ServiceForm


class NewEmailForm(ServiceForm):
    """A new address of one's own."""

    email = forms.CharField(
        label="New e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
