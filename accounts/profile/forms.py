from django import forms

from accounts.common.forms import ServiceForm


class NewEmailForm(ServiceForm):
    email = forms.CharField(
        label="New e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
