"""Forms for when a role is held: the shape of the input alone."""

import calendar
from datetime import date, datetime, timedelta

from django import forms
from django.conf import settings
from django.utils import timezone

from accounts.common.forms import FormValues, ServiceForm, set_choices
from accounts.models import RoleGrant, User
from accounts.periods.validation import end_of_day, lab_day, start_of_day
from accounts.users.forms import RoleChoicesForm

NOW, KEEP, NEVER, TWO_WEEKS, THREE_MONTHS, DAY = "now", "keep", "never", "weeks", "months", "day"
NO_DAY = "Choose the day."


def _day_field(label: str) -> forms.DateField:
    zone = "" if settings.LAB_TIME_ZONE == "UTC" else f"In the time zone {settings.LAB_TIME_ZONE}."
    return forms.DateField(
        label=label,
        required=False,
        help_text=zone,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day that exists, as 2027-01-31."},
    )


class PeriodForm(ServiceForm):
    """From when until when. `starts_at` and `ends_at` of its values are None where the period is open."""

    begins = forms.ChoiceField(
        choices=[(NOW, "Now"), (DAY, "On a day")], initial=NOW, widget=forms.RadioSelect, label="From"
    )
    first_day = _day_field("First day")
    ends = forms.ChoiceField(
        choices=[(NEVER, "No end"), (TWO_WEEKS, "Two weeks"), (THREE_MONTHS, "Three months"), (DAY, "On a day")],
        initial=TWO_WEEKS,
        widget=forms.RadioSelect,
        label="Until",
    )
    last_day = _day_field("Last day")

    #: A day is asked for where "On a day" is chosen.
    has_optional_fields = False

    def clean(self) -> FormValues:
        values = super().clean() or {}
        for choice, day in (("begins", "first_day"), ("ends", "last_day")):
            if values.get(choice) == DAY and not values.get(day) and day not in self.errors:
                self.add_error(day, NO_DAY)
        return values

    @property
    def values(self) -> FormValues:
        values = dict(self.cleaned_data)
        begins, first_day = values.pop("begins", NOW), values.pop("first_day", None)
        ends, last_day = values.pop("ends"), values.pop("last_day", None)
        start = start_of_day(first_day) if begins == DAY and first_day else None
        first = first_day if start else lab_day(timezone.now())
        return {**values, "starts_at": start, "ends_at": self._end(ends, first, last_day)}

    @staticmethod
    def _end(choice: str, first: date, last_day: date | None) -> datetime | None:
        if choice == DAY and last_day:
            return end_of_day(last_day)
        if choice == TWO_WEEKS:
            return end_of_day(first + timedelta(weeks=2))
        return end_of_day(_three_months_after(first)) if choice == THREE_MONTHS else None


class GiveRoleForm(PeriodForm, RoleChoicesForm):
    role_field = "role"

    role = forms.ChoiceField(error_messages={"invalid_choice": "There is no such role any more."})
    field_order = ("role",)

    def __init__(self, *args: object, actor: User, person: User, **kwargs: object) -> None:
        super().__init__(*args, actor=actor, **kwargs)
        self.person = person
        slugs = {*self.grantable_slugs(role.slug for role in self.all_roles)}
        given = [(role.slug, role.name) for role in self.all_roles if role.slug in slugs]
        set_choices(self.fields["role"], [("", "Choose a role"), *given])


class ChangePeriodForm(PeriodForm):
    """The period of a grant. One that has begun keeps its start."""

    def __init__(self, *args: object, grant: RoleGrant, **kwargs: object) -> None:
        first = lab_day(grant.starts_at) if grant.starts_at else None
        last = lab_day(grant.ends_at - timedelta(microseconds=1)) if grant.ends_at else None
        initial = {
            "begins": DAY if first else NOW,
            "first_day": first,
            "ends": DAY if last else NEVER,
            "last_day": last,
        }
        super().__init__(*args, **{"initial": initial, **kwargs})
        self.grant = grant
        if not grant.is_pending:
            del self.fields["begins"], self.fields["first_day"]

    @property
    def values(self) -> FormValues:
        values = super().values
        if "begins" not in self.fields:
            del values["starts_at"]
        if "last_day" not in self.changed_data and "ends" not in self.changed_data:
            # It may end at a time of that day.
            values["ends_at"] = self.grant.ends_at
        return values


def _three_months_after(first: date) -> date:
    month = first.month + 3
    year, month = first.year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))
