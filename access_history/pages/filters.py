"""The question as the page asks it: a day, and a time of day if one is given."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from access_history.questions.filters import AccessFilter, AccessQuery
from access_history.questions.windows import utc_text
from accounts.periods.validation import lab_day
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.fields import IntegerParam
from reprotech.web.pagination import MAX_PER_PAGE

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", re.ASCII)
WRONG_TIME = "Give a time of day, such as 14:30, or leave it empty for the whole day."


class AccessPageFilter(AccessFilter):
    """The same for the page, where people choose the page size."""

    per_page = IntegerParam(default=25, max_value=MAX_PER_PAGE)


class ReportQuery(AccessQuery):
    """All of an answer, to print."""

    format = forms.CharField(required=False, max_length=10)


def read_page_query(query: QueryDict) -> QueryDict:
    """The page's parameters as the API has them: today where no time is given; raises ValidationFailed."""
    read = query.copy()
    typed_time = str(read.get("time", "")).strip()
    read.pop("time", None)
    for name in ("on", "at"):
        if name in read and not str(read[name]).strip():
            del read[name]
    if "at" in read:
        return read
    if "on" not in read:
        read["on"] = lab_day(timezone.now()).isoformat()
    if typed_time:
        read["at"] = utc_text(_moment(str(read["on"]), typed_time))
        del read["on"]
    return read


def _moment(typed_day: str, typed_time: str) -> datetime:
    """A time of day of the laboratory. Of one that came twice, as clocks were put back, the first."""
    if not TIME_OF_DAY.fullmatch(typed_time):
        raise ValidationFailed({"time": [WRONG_TIME]})
    day = AccessQuery({"on": typed_day})
    if not day.is_valid():
        raise ValidationFailed({"on": [str(sentence) for sentence in day.errors["on"]]})
    zone = ZoneInfo(settings.LAB_TIME_ZONE)
    local = datetime.combine(day.value("on"), time.fromisoformat(typed_time), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValidationFailed({"time": ["The clocks were put forward on this day: there was no such time."]})
    return moment


def shown_fields(query: QueryDict) -> tuple[str, str]:
    """What the fields for the day and the time show: of a link with `at`, that moment in the laboratory's time zone."""
    typed = AccessQuery({"at": query.get("at", "")})
    if query.get("at") and typed.is_valid():
        local = typed.value("at").astimezone(ZoneInfo(settings.LAB_TIME_ZONE))
        return local.date().isoformat(), f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return query.get("on") or lab_day(timezone.now()).isoformat(), query.get("time", "")


def quick_days(today: date) -> list[tuple[str, date]]:
    """Days that one often asks about."""
    first = today.replace(day=1)
    # The 29th of February has none a year ago: the 28th.
    year_ago = today.replace(year=today.year - 1, day=28 if (today.month, today.day) == (2, 29) else today.day)
    return [
        ("Today", today),
        ("Yesterday", today - timedelta(days=1)),
        (f"1 {first:%B}", first),
        ("A year ago", year_ago),
    ]
