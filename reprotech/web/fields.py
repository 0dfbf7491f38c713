"""Form fields of query parameters: strict, one value in one form."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.dateparse import parse_date, parse_datetime


class DateTimeParam(forms.Field):
    """A time (ISO 8601, UTC unless it says otherwise) or a date: the day's start, or its end with `end_of_day`."""

    def __init__(self, *, end_of_day: bool, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.end_of_day = end_of_day

    def clean(self, value: str | None) -> datetime | None:
        if not value:
            return None
        try:
            return self._moment(value)
        except (ValueError, OverflowError):
            raise forms.ValidationError("Give a date or time such as 2030-01-31 or 2030-01-31T09:30:00Z.") from None

    def _moment(self, value: str) -> datetime:
        if day := parse_date(value):
            start = datetime.combine(day, time(), UTC)
            return start + timedelta(days=1, microseconds=-1) if self.end_of_day else start
        # A plus sign in a query string arrives as a blank.
        moment = parse_datetime(value.replace(" ", "+") if "T" in value else value)
        if moment is None:
            raise ValueError(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


#: Python refuses to read numbers of thousands of digits.
DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


class IntegerParam(forms.Field):
    """A whole number of at least 1, or `min_value`, in plain digits; when it isn't given the default, if it has one."""

    def __init__(
        self, default: int | None = None, max_value: int | None = None, *, min_value: int = 1, required: bool = False
    ) -> None:
        super().__init__(required=required)
        self.default, self.min_value, self.max_value = default, min_value, max_value

    def clean(self, value: str | None) -> int | None:
        if value in (None, "") and not self.required:
            return self.default
        number = int(value) if value and DIGITS.fullmatch(value) else -1
        if number < self.min_value or (self.max_value is not None and number > self.max_value):
            raise forms.ValidationError(f"Give a whole number {self.range}.")
        return number

    @property
    def range(self) -> str:
        return (
            f"of at least {self.min_value}" if self.max_value is None else f"from {self.min_value} to {self.max_value}"
        )


class ChoiceParam(forms.ChoiceField):
    """One of these words, if any."""

    def __init__(self, *words: str, help_text: str = "") -> None:
        super().__init__(
            required=False,
            choices=[(word, word) for word in words],
            error_messages={"invalid_choice": f"Give one of: {', '.join(words)}."},
            help_text=help_text,
        )


class BooleanParam(ChoiceParam):
    """`true` or `false`; left out means false."""

    def __init__(self, *, help_text: str) -> None:
        super().__init__("true", "false", help_text=help_text)


class ByteOrderMarkParam(BooleanParam):
    def __init__(self) -> None:
        super().__init__(help_text="Begin CSV with a byte order mark, which Excel needs to read UTF-8.")
