"""Fields of forms for when something begins and ends; they work without JavaScript."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone

from accounts.common.forms import ServiceForm
from accounts.periods.validation import end_of_day, lab_day, refuse_unlikely_day, start_of_day

NOW, NEVER, TWO_WEEKS, THREE_MONTHS, DAY = "now", "never", "weeks", "months", "day"
NO_DAY = "Choose the day."


class DayField(forms.DateField):
    """A day that is asked for where "On a day" is chosen; so it isn't marked as optional."""

    is_conditional = True


def _day_field(label: str) -> DayField:
    return DayField(
        label=label,
        required=False,
        validators=[refuse_unlikely_day],
        help_text="" if settings.LAB_TIME_ZONE == "UTC" else f"In the time zone {settings.LAB_TIME_ZONE}.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day that exists, as 2027-01-31."},
    )


class PeriodForm(ServiceForm):
    """From when until when. A day is asked for where "On a day" is chosen."""

    begins = forms.ChoiceField(
        label="From", required=False, choices=[(NOW, "Now"), (DAY, "On a day")], initial=NOW, widget=forms.RadioSelect
    )
    first_day = _day_field("First day")
    ends = forms.ChoiceField(
        label="Until",
        required=False,
        choices=[(NEVER, "No end"), (TWO_WEEKS, "Two weeks"), (THREE_MONTHS, "Three months"), (DAY, "On a day")],
        initial=NEVER,
        widget=forms.RadioSelect,
    )
    last_day = _day_field("Last day")

    #: What is stored: a time of day in it stays, unless another day is chosen.
    stored: tuple[datetime | None, datetime | None] = (None, None)

    def show_period(self, starts_at: datetime | None, ends_at: datetime | None) -> None:
        """Fill the fields with what is stored."""
        self.stored = starts_at, ends_at
        self.initial = {**self.initial, **period_fields(starts_at, ends_at)}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for choice, day in (("begins", "first_day"), ("ends", "last_day")):
            if values.get(choice) == DAY and not values.get(day) and day not in self.errors:
                self.add_error(day, NO_DAY)
        return values

    def take_period(self, values: dict[str, Any]) -> dict[str, datetime | None]:
        """Take the fields of a period out of cleaned values; what wasn't asked for is left out of the answer."""
        begins, first_day = values.pop("begins", ""), values.pop("first_day", None)
        ends, last_day = values.pop("ends", ""), values.pop("last_day", None)
        period: dict[str, datetime | None] = {}
        first = first_day if begins == DAY else lab_day(timezone.now())
        shown = period_fields(*self.stored)
        if begins:
            is_kept = (begins, first_day if begins == DAY else None) == (shown["begins"], shown["first_day"])
            period["starts_at"] = self.stored[0] if is_kept else start_of_day(first) if begins == DAY else None
        if ends:
            is_kept = (ends, last_day if ends == DAY else None) == (shown["ends"], shown["last_day"])
            period["ends_at"] = self.stored[1] if is_kept else _end(ends, first, last_day)
        return period


def period_fields(starts_at: datetime | None, ends_at: datetime | None) -> dict[str, object]:
    """The values of the fields for a stored period."""
    return {
        "begins": DAY if starts_at else NOW,
        "first_day": lab_day(starts_at) if starts_at else None,
        "ends": DAY if ends_at else NEVER,
        "last_day": lab_day(ends_at - timedelta(microseconds=1)) if ends_at else None,
    }


def _end(choice: str, first: date, last_day: date | None) -> datetime | None:
    if choice == DAY and last_day:
        return end_of_day(last_day)
    if choice == TWO_WEEKS:
        return end_of_day(first + timedelta(weeks=2))
    return end_of_day(_three_months_after(first)) if choice == THREE_MONTHS else None


def _three_months_after(first: date) -> date:
    month = first.month + 3
    year, month = first.year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))
