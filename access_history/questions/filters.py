"""The parameters of a question, the same for the API, the page and files."""

import re
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from access_history.projection.progress import read_progress
from access_history.questions import names
from access_history.questions.selection import Question
from access_history.questions.windows import STATUSES, Window
from accounts.periods.validation import MAX_YEAR, MIN_YEAR
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.fields import ByteOrderMarkParam, ChoiceParam, IntegerParam
from reprotech.web.pagination import DEFAULT_PER_PAGE, MAX_PER_PAGE
from reprotech.web.query_params import QueryParams

CSV, BUNDLE = "csv", "bundle"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
MOMENT_EXAMPLE = "2026-03-03T12:00:00Z"
WRONG_MOMENT = f"Give a moment with its time zone, such as {MOMENT_EXAMPLE}."
WRONG_DAY = "Give a day that exists, such as 2026-03-03."
UNLIKELY_YEAR = f"Give a year from {MIN_YEAR} to {MAX_YEAR}."


class MomentParam(forms.Field):
    """A moment as ISO 8601 with its time zone."""

    def clean(self, value: str | None) -> datetime | None:
        if not value:
            return None
        try:
            # A plus sign in a query string arrives as a blank.
            moment = parse_datetime(value.replace(" ", "+") if "T" in value else value)
        except ValueError:
            moment = None
        if moment is not None and not MIN_YEAR <= moment.year <= MAX_YEAR:
            raise forms.ValidationError(UNLIKELY_YEAR)
        if moment is None or timezone.is_naive(moment):
            raise forms.ValidationError(WRONG_MOMENT)
        return moment.astimezone(UTC)


class DayParam(forms.Field):
    """A day of the laboratory, as YYYY-MM-DD."""

    def clean(self, value: str | None) -> date | None:
        if not value:
            return None
        try:
            day = date.fromisoformat(value) if DAY.fullmatch(value) else None
        except ValueError:
            day = None
        if day is None:
            raise forms.ValidationError(WRONG_DAY)
        if not MIN_YEAR <= day.year <= MAX_YEAR:
            raise forms.ValidationError(UNLIKELY_YEAR)
        return day


class AccessQuery(QueryParams):
    """Whose access, and when."""

    at = MomentParam(required=False, help_text="A moment with its time zone. Give either this or `on`.")
    on = DayParam(
        required=False,
        help_text="A day in the laboratory's time zone: everyone who had it at any moment of that day.",
    )
    user = forms.CharField(
        required=False, max_length=80, help_text="A username, of then or now, or the number of an account."
    )
    role = forms.CharField(
        required=False, max_length=80, help_text="A role by its name, of then or now, or by its slug."
    )
    permission = forms.CharField(required=False, max_length=120)
    status = ChoiceParam(*STATUSES, help_text="What the account was then.")

    def clean(self) -> dict[str, object]:
        given = [name for name in ("at", "on") if self.data.get(name)]
        if not given:
            self.add_error("at", f"Give a moment as `at`, such as {MOMENT_EXAMPLE}, or a day as `on`.")
        elif len(given) > 1:
            self.add_error("on", "Give either `at` or `on`, not both.")
        return self.cleaned_data

    @property
    def given(self) -> dict[str, str]:
        """The question as it was typed."""
        return {name: self.data[name] for name in AccessQuery.base_fields if self.data.get(name)}

    def question(self, begins_at: datetime | None = None) -> Question:
        """With names looked up in the history; raises ValidationFailed for what it doesn't have."""
        window = self._window(begins_at or read_progress().begins_at)
        errors: dict[str, list[str]] = {}

        def found(name: str, look_up: Any) -> Any:
            typed = self.value(name)
            if not typed:
                return None
            ids = look_up(typed, window)
            if ids is None:
                errors[name] = [names.UNKNOWN[name]]
            return ids

        question = Question(
            window=window,
            user_ids=found("user", names.user_ids),
            role_ids=found("role", names.role_ids),
            permission=self.value("permission"),
            permission_periods=found("permission", names.permission_periods) or (),
            status=self.value("status"),
        )
        if errors:
            raise ValidationFailed(errors)
        return question

    def _window(self, begins: datetime | None) -> Window:
        """Raises ValidationFailed for the future, and for what was before the log began."""
        now = timezone.now()
        moment, day = self.value("at"), self.value("on")
        window = Window.at(moment) if moment else Window.on(day, now)
        name = "at" if moment else "on"
        if window.begin > now:
            what = "moment" if moment else "day"
            raise ValidationFailed({name: [f"This {what} hasn't come yet: the history knows what was, until now."]})
        if begins is None:
            raise ValidationFailed({name: ["Nothing is known yet: the history is still being built from the log."]})
        if window.end <= begins:
            raise ValidationFailed(
                {name: [f"The log begins on {begins:%-d %B %Y, %H:%M:%S} UTC: give a time from then on."]}
            )
        return window


class AccessFilter(AccessQuery):
    """A question, and the page of its answer."""

    page = IntegerParam(default=1)
    per_page = IntegerParam(default=DEFAULT_PER_PAGE, max_value=MAX_PER_PAGE)
    format = ChoiceParam("json", CSV, BUNDLE)
    bom = ByteOrderMarkParam()

    @property
    def file_format(self) -> str:
        """ "" for a page of the answer."""
        chosen = self.value("format")
        return "" if chosen == "json" else chosen

    def clean(self) -> dict[str, object]:
        super().clean()
        if self.cleaned_data.get("bom") == "true" and self.cleaned_data.get("format") != CSV:
            self.add_error("bom", "Only CSV begins with a byte order mark.")
        if self.cleaned_data.get("format") in {CSV, BUNDLE}:
            for name in ("page", "per_page"):
                if self.data.get(name):
                    self.add_error(name, "A file has all of the answer: leave this out.")
        return self.cleaned_data
