from django import forms

from accounts.common.forms import ServiceForm


class NewEmailForm(ServiceForm):
    email = forms.CharField(
        label="New e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class EndSessionsForm(ServiceForm):
    everywhere = forms.BooleanField(label="Sign out here too", required=False)
    revoke_keys = forms.BooleanField(label="Revoke my API keys too", required=False)
