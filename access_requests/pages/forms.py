"""The forms of requests: the shape of the input alone, the services decide the rest."""

from typing import Any

from django import forms

from access_requests.asking.roles import roles_to_ask_for
from access_requests.models import AccessRequest
from accounts.common.forms import FormValues, ServiceForm, set_choices
from accounts.models import User
from accounts.periods.forms import TWO_WEEKS, PeriodForm


class UntilForm(PeriodForm):
    """Until when; it begins with the grant."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["begins"], self.fields["first_day"]
        self.fields["ends"].required = True

    @property
    def values(self) -> FormValues:
        values = dict(self.cleaned_data)
        period = self.take_period(values)
        return {**values, **period}


class AskForm(UntilForm):
    role = forms.ChoiceField(error_messages={"invalid_choice": "There is no such role to ask for any more."})
    reason = forms.CharField(
        max_length=500,
        help_text="What you need it for. Those who decide read it, and it stays in the audit log.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say what you need the role for."},
    )
    field_order = ("role", "reason")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles = list(roles_to_ask_for(user))
        set_choices(self.fields["role"], [("", "Choose a role"), *((role.slug, role.name) for role in self.roles)])
        self.initial.setdefault("ends", TWO_WEEKS)


class GrantForm(UntilForm):
    note = forms.CharField(
        label="Note to them",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, asked: AccessRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.show_period(None, asked.ends_at)


class DeclineForm(ServiceForm):
    note = forms.CharField(
        label="Note to them",
        max_length=500,
        help_text="Why, or what they should do instead. They get it by mail.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say why, or what they should do instead."},
    )
