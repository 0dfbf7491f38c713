"""The form that ends one's own sessions."""

from django import forms

from accounts.common.forms import ServiceForm


class EndSessionsForm(ServiceForm):
    everywhere = forms.BooleanField(label="Sign out here too", required=False)
    revoke_keys = forms.BooleanField(label="Revoke my API keys too", required=False)
