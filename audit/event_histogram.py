"""The histogram above the list of events: bars of the chosen range and filters, each a link that narrows the range."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from audit.filters import AuditFilter
from audit.models import AuditLog
from audit.statistics.histogram import DAY, Bar, Counts, count_events, highest, make_bars, sealed_counts, step_of
from reprotech.web import estimated_counts
from reprotech.web.pagination import Page

#: Of the drawing: the width of a bar with its gap, and the height of the highest one.
BAR_WIDTH, BAR_GAP, HEIGHT = 10, 2, 60
#: Filters by which the sealer counts the events of each day.
SEALED_FILTERS = frozenset({"action", "outcome", "from", "to", "last"})
#: In a shorter range, bars of a day would show nothing.
MIN_SEALED_RANGE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar with its place in the drawing; the part that failed stands on top."""

    bar: Bar
    address: str
    x: int
    succeeded_y: int
    succeeded_height: int
    failed_y: int
    failed_height: int


@dataclass(frozen=True, slots=True)
class Histogram:
    bars: list[DrawnBar]
    step: timedelta
    end: datetime

    @property
    def width(self) -> int:
        return len(self.bars) * BAR_WIDTH

    @property
    def total(self) -> int:
        return sum(drawn.bar.total for drawn in self.bars)

    @property
    def failed(self) -> int:
        return sum(drawn.bar.failed for drawn in self.bars)

    @property
    def begin(self) -> datetime:
        return self.bars[0].bar.begin

    @property
    def filled(self) -> list[DrawnBar]:
        """The bars in which anything happened, newest first."""
        return [drawn for drawn in reversed(self.bars) if drawn.bar.total]


def histogram_of(query: AuditFilter, page: Page[AuditLog], given: QueryDict) -> Histogram | None:
    """None if nothing happened, or if counting it would be slow."""
    now = timezone.now()
    begin, end = query.begin, min(query.value("to") or now, now)
    if not page.total or (begin and begin >= end):
        return None
    is_large = not page.is_exact or page.total > estimated_counts.MAX_COUNTED
    is_long = begin is None or end - begin > MIN_SEALED_RANGE
    if not is_large:
        found = query.found_rows()
        counts = count_events(query.apply(AuditLog.objects.all()) if found is None else found)
    elif is_long and query.given.keys() <= SEALED_FILTERS:
        counts = _sealed_counts(query, begin, end)
    else:
        return None
    if not counts:
        return None
    begin = begin or datetime.fromtimestamp(min(second for second, _ in counts), UTC)
    step = max(step_of(begin, end), DAY if is_large else 0)
    bars = make_bars(counts, begin, end, step)
    return Histogram(_drawn(bars, given), timedelta(seconds=step), end) if len(bars) > 1 and highest(bars) else None


def _sealed_counts(query: AuditFilter, begin: datetime | None, end: datetime) -> Counts:
    outcome = query.value("outcome")
    success = outcome == "success" if outcome else None
    return sealed_counts(begin, end, action=query.value("action").lower(), success=success)


def _drawn(bars: list[Bar], given: QueryDict) -> list[DrawnBar]:
    top = highest(bars)
    drawn = []
    for number, bar in enumerate(bars):
        failed, whole = (_height(count, top) for count in (bar.failed, bar.total))
        drawn.append(
            DrawnBar(
                bar,
                _address(given, bar),
                number * BAR_WIDTH,
                HEIGHT - whole + failed,
                whole - failed,
                HEIGHT - whole,
                failed,
            )
        )
    return drawn


def _height(count: int, top: int) -> int:
    """At least 2, so that one event among thousands is seen."""
    return max(2, round(count * HEIGHT / top)) if count else 0


def _address(given: QueryDict, bar: Bar) -> str:
    narrowed = given.copy()
    for name in ("last", "page", "from", "to"):
        narrowed.pop(name, None)
    narrowed["from"] = f"{bar.begin:%Y-%m-%dT%H:%M:%SZ}"
    narrowed["to"] = f"{bar.end - timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    return f"{reverse('audit')}?{narrowed.urlencode()}"
