"""Days of the laboratory: a day without a time means the whole day where it stands."""

from calendar import monthrange
from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def today() -> date:
    return timezone.localdate(timezone=ZoneInfo(getattr(settings, "LAB_TIME_ZONE", "UTC")))


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def next_round(first: date, every_months: int, after: date) -> date:
    """The first day after `after` on which a round begins. What was missed meanwhile is passed over."""
    rounds = 1
    while (day := months_after(first, rounds * every_months)) <= after:
        rounds += 1
    return day
