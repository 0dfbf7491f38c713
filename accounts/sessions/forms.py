"""Forms of sessions."""

from django import forms

from accounts.common.forms import ServiceForm


class EndSessionsForm(ServiceForm):
    """Which of one's sessions to end."""

    everywhere = forms.BooleanField(label="Sign out here too", required=False)
    revoke_keys = forms.BooleanField(label="Revoke my API keys too", required=False)
