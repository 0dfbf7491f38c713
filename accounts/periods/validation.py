"""The rules for when access begins and ends, of accounts and of grants of roles."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from reprotech.core.exceptions import ValidationFailed

#: The last year in which an end is no slip of the pen.
MAX_YEAR = 2999


def start_of_day(day: date) -> datetime:
    """The first moment of a day of the laboratory: a start that has no time of day."""
    return datetime.combine(day, time(), ZoneInfo(settings.LAB_TIME_ZONE))


def end_of_day(day: date) -> datetime:
    """The first moment after a day of the laboratory: an end that has no time of day."""
    return start_of_day(day + timedelta(days=1))


def check_period(starts_at: datetime | None, ends_at: datetime | None, *, max_days: int = 0) -> None:
    """Raise ValidationFailed unless it is a period that isn't over and lasts `max_days` at most (0: no limit)."""
    now = timezone.now()
    if starts_at is not None:
        _refuse_unlikely("starts_at", starts_at)
    if ends_at is not None:
        _refuse_unlikely("ends_at", ends_at)
        if starts_at is not None and ends_at <= starts_at:
            raise ValidationFailed({"ends_at": ["The end must be after the start."]})
        if ends_at <= now:
            raise ValidationFailed({"ends_at": ["The end is in the past. Give a later one, or take the access away."]})
    if max_days:
        begins = max(starts_at or now, now)
        # Of a day that began already, the whole last day may be meant.
        if ends_at is None or ends_at - begins > timedelta(days=max_days + 1):
            raise ValidationFailed({"ends_at": [f"Give an end at most {max_days} days after the start."]})


def _refuse_unlikely(field: str, moment: datetime) -> None:
    if timezone.is_naive(moment):
        raise ValidationFailed({field: ["Give the time zone too, such as Z."]})
    if moment.year > MAX_YEAR:
        raise ValidationFailed({field: [f"Give a date before the year {MAX_YEAR + 1}."]})


def lab_day(moment: datetime) -> date:
    """The day of the laboratory on which a moment is."""
    return moment.astimezone(ZoneInfo(settings.LAB_TIME_ZONE)).date()
