"""The rules for when access begins and ends, of accounts and of grants of roles."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from reprotech.core.exceptions import ValidationFailed

#: The years in which a start or an end is no slip of the pen. In all of them each time zone has each day.
MIN_YEAR, MAX_YEAR = 1900, 2999
UNLIKELY_DAY = f"Give a day from the year {MIN_YEAR} to {MAX_YEAR}."


def start_of_day(day: date) -> datetime:
    """The first moment of a day of the laboratory: a start that has no time of day.

    Raises OverflowError at the end of the calendar, where that moment has no time in UTC.
    """
    return datetime.combine(day, time(), ZoneInfo(settings.LAB_TIME_ZONE)).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The first moment after a day of the laboratory: an end that has no time of day."""
    return start_of_day(day + timedelta(days=1))


def check_period(
    starts_at: datetime | None, ends_at: datetime | None, *, max_days: int = 0, may_be_over: bool = False
) -> None:
    """Raise ValidationFailed unless it is a period that isn't over and lasts `max_days` at most (0: no limit)."""
    now = timezone.now()
    if starts_at is not None:
        refuse_unlikely("starts_at", starts_at)
    if ends_at is not None:
        refuse_unlikely("ends_at", ends_at)
        if starts_at is not None and ends_at <= starts_at:
            raise ValidationFailed({"ends_at": ["The end must be after the start."]})
        if ends_at <= now and not may_be_over:
            raise ValidationFailed({"ends_at": ["The end is in the past. Give a later one, or take the access away."]})
    if max_days:
        begins = max(starts_at or now, now)
        # Of a day that began already, the whole last day may be meant.
        if ends_at is None or ends_at - begins > timedelta(days=max_days + 1):
            raise ValidationFailed({"ends_at": [f"Give an end at most {max_days} days after the start."]})


def refuse_unlikely(field: str, moment: datetime) -> None:
    """Raise ValidationFailed for a moment without a time zone, or of a year that nobody means."""
    if timezone.is_naive(moment):
        raise ValidationFailed({field: ["Give the time zone too, such as Z."]})
    if moment.year > MAX_YEAR:
        raise ValidationFailed({field: [f"Give a date before the year {MAX_YEAR + 1}."]})
    if moment.year < MIN_YEAR:
        raise ValidationFailed({field: [f"Give a date after the year {MIN_YEAR - 1}."]})


def refuse_unlikely_day(day: date) -> None:
    """The same for the fields of forms, before anything is computed with the day."""
    if not MIN_YEAR <= day.year <= MAX_YEAR:
        raise ValidationError(UNLIKELY_DAY)


def lab_day(moment: datetime) -> date:
    """The day of the laboratory on which a moment is."""
    return moment.astimezone(ZoneInfo(settings.LAB_TIME_ZONE)).date()
