"""How many events happened when: of few events, or of whole days, as the sealer counts them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet, Sum

from audit.models import AuditLog, DailyCount

MAX_BARS = 60
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: Seconds of a bar.
STEPS = (
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY),
    *(30 * DAY, 91 * DAY, 365 * DAY),
)
#: {(second since 1970, success): events}
Counts = Counter[tuple[int, bool]]


class Bar(NamedTuple):
    begin: datetime
    end: datetime
    succeeded: int
    failed: int

    @property
    def total(self) -> int:
        return self.succeeded + self.failed


def step_of(begin: datetime, end: datetime) -> int:
    """The seconds of a bar."""
    span = (end - begin).total_seconds()
    return next((step for step in STEPS if span <= step * MAX_BARS), int(span) // MAX_BARS + 1)


def count_events(rows: "QuerySet[AuditLog]") -> Counts:
    """Of these events, which must be few: each is read."""
    found = rows.order_by().values_list("timestamp", "success")
    return Counter((int(timestamp.timestamp()), success) for timestamp, success in found)


def sealed_counts(begin: datetime | None, end: datetime, *, action: str = "", success: bool | None = None) -> Counts:
    """Of the days of a range as the sealer counted them, without what it hasn't sealed yet."""
    days = DailyCount.objects.filter(day__lte=end.astimezone(UTC).date())
    if begin is not None:
        days = days.filter(day__gte=begin.astimezone(UTC).date())
    given = {"action": action or None, "success": success}
    days = days.filter(**{name: value for name, value in given.items() if value is not None})
    # The database adds up the kinds: of years there are many rows.
    sums = days.order_by().values("day", "success").annotate(sum=Sum("events"))
    counts: Counts = Counter()
    for day, was_success, events in sums.values_list("day", "success", "sum"):
        counts[int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()), was_success] += events
    return counts


def make_bars(counts: Counts, begin: datetime, end: datetime, step: int) -> list[Bar]:
    """A bar for each step of the range, also for those in which nothing happened."""
    per_bar: Counts = Counter()
    for (second, success), events in counts.items():
        per_bar[second // step, success] += events
    first, last = int(begin.timestamp()) // step, int(end.timestamp()) // step
    return [
        Bar(_moment(n * step), _moment((n + 1) * step), per_bar[n, True], per_bar[n, False])
        for n in range(first, last + 1)
    ]


def _moment(second: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def highest(bars: Iterable[Bar]) -> int:
    return max((bar.total for bar in bars), default=0)
