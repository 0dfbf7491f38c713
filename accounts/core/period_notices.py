"""When people are mailed that access ends soon, and how a mail names the moment at which it begins or ends."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

#: So long before an end.
NOTICES = (timedelta(days=14), timedelta(days=2))
#: So long before an account begins its invitation leaves.
INVITES_BEFORE = timedelta(days=1)


def next_notice(starts_at: datetime | None, ends_at: datetime | None, *, after: datetime) -> datetime | None:
    """The next moment at which this end is announced: later than `after`, and than the beginning of the access."""
    if ends_at is None:
        return None
    earliest = max(after, starts_at or after)
    # By differences: before the first day of the calendar there is no moment.
    return min((ends_at - notice for notice in NOTICES if ends_at - earliest > notice), default=None)


def described_start(moment: datetime) -> str:
    """`2 December 2026`, or with the time of a start that is not the first moment of a day of the laboratory."""
    local = moment.astimezone(ZoneInfo(settings.LAB_TIME_ZONE))
    return f"{local:%-d %B %Y}" if _is_midnight(local) else _with_time(local)


def described_end(moment: datetime) -> str:
    """`at the end of 1 December 2026`, or `on` that day and its time."""
    local = moment.astimezone(ZoneInfo(settings.LAB_TIME_ZONE))
    if _is_midnight(local):
        return f"at the end of {local - timedelta(days=1):%-d %B %Y}"
    return f"on {_with_time(local)}"


def _is_midnight(local: datetime) -> bool:
    return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)


def _with_time(local: datetime) -> str:
    return f"{local:%-d %B %Y, %H:%M} ({settings.LAB_TIME_ZONE})"
