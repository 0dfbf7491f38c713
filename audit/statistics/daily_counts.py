"""How many events of each kind every day (UTC) had.

The sealer keeps count, so that a year's numbers cost no more than a week's; unsealed events are counted. Archived
events stay counted.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db.models import Count, F, Max, Sum
from django.db.models.functions import TruncDate

from audit.models import Action, AuditLog, DailyCount, Leaf


class CountKey(NamedTuple):
    """Events with the same key are counted together."""

    day: date
    action: str
    success: bool

    @classmethod
    def of(cls, timestamp: datetime, action: str, *, success: bool) -> "CountKey":
        return cls(timestamp.astimezone(UTC).date(), action, success)


def add(kinds: Iterable[CountKey]) -> None:
    for kind, events in Counter(kinds).items():
        # Sealers exclude each other, so no other process creates the row in between.
        if not DailyCount.objects.filter(**kind._asdict()).update(events=F("events") + events):
            DailyCount.objects.create(**kind._asdict(), events=events)


def read_counts(action: Action, since: date) -> Counter[tuple[date, bool]]:
    """The number of events of this kind since a day, as {(day, success): number}."""
    sealed = DailyCount.objects.filter(action=action, day__gte=since).values_list("day", "success", "events")
    found = Counter({(day, success): events for day, success, events in sealed})
    # What isn't sealed yet has higher ids; an event whose transaction took longer counts once it is sealed.
    last_id = Leaf.objects.aggregate(last=Max("event_id"))["last"] or 0
    start = datetime(since.year, since.month, since.day, tzinfo=UTC)
    later = AuditLog.objects.filter(pk__gt=last_id, action=action, timestamp__gte=start).order_by()
    per_day = later.annotate(day=TruncDate("timestamp", tzinfo=UTC)).values("day", "success").annotate(n=Count("pk"))
    found.update({(day, success): n for day, success, n in per_day.values_list("day", "success", "n")})
    return found


def events_since(actions: Iterable[Action], day: date) -> int:
    """How many sealed events of these kinds there are since a day, archived ones too."""
    counts = DailyCount.objects.filter(action__in=[*actions], day__gte=day)
    return int(counts.aggregate(sum=Sum("events"))["sum"] or 0)
