"""When something begins or ends, in the body of a request."""

from datetime import UTC, date, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.periods.validation import end_of_day, start_of_day

WRITTEN = "Give a time with its zone, such as 2030-01-31T09:30:00Z, or a day, such as 2030-01-31."


class _MomentField(serializers.Field[datetime, object, str, datetime]):
    """ISO 8601 with a time zone, or a day of the laboratory (LAB_TIME_ZONE); null is open."""

    default_error_messages = {"invalid": WRITTEN}

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, **options)

    @staticmethod
    def of_day(day: date) -> datetime:
        """The moment that a day without a time means."""
        raise NotImplementedError

    def to_internal_value(self, data: object) -> datetime:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            if day := parse_date(data):
                return self.of_day(day)
            moment = parse_datetime(data)
            if moment is None or moment.tzinfo is None:
                self.fail("invalid")
            # As databases have it: in UTC the calendar ends earlier.
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            # It is written well, and no calendar has it.
            self.fail("invalid")


@extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
class StartField(_MomentField):
    """A start; a day means its first moment."""

    of_day = staticmethod(start_of_day)


@extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
class EndField(_MomentField):
    """An end; a day means that it is the last one."""

    of_day = staticmethod(end_of_day)
