"""Forms for when a role is held: the shape of the input alone."""

from django import forms

from accounts.common.forms import FormValues, set_choices
from accounts.models import RoleGrant, User
from accounts.periods.forms import TWO_WEEKS, PeriodForm
from accounts.users.forms import RoleChoicesForm


class GrantForm(PeriodForm):
    """The period of a role, which has to be chosen."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name in ("begins", "ends"):
            self.fields[name].required = True

    @property
    def values(self) -> FormValues:
        values = dict(self.cleaned_data)
        period = self.take_period(values)
        return {**values, **period}


class GiveRoleForm(GrantForm, RoleChoicesForm):
    role_field = "role"

    role = forms.ChoiceField(error_messages={"invalid_choice": "There is no such role any more."})
    field_order = ("role",)

    def __init__(self, *args: object, actor: User, person: User, **kwargs: object) -> None:
        super().__init__(*args, actor=actor, **kwargs)
        self.person = person
        slugs = {*self.grantable_slugs(role.slug for role in self.all_roles)}
        given = [(role.slug, role.name) for role in self.all_roles if role.slug in slugs]
        set_choices(self.fields["role"], [("", "Choose a role"), *given])
        self.initial.setdefault("ends", TWO_WEEKS)


class ChangePeriodForm(GrantForm):
    """The period of a grant. One that has begun keeps its start."""

    def __init__(self, *args: object, grant: RoleGrant, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.show_period(grant.starts_at, grant.ends_at)
        if not grant.is_pending:
            del self.fields["begins"], self.fields["first_day"]
