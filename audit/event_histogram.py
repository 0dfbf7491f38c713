"""The histogram above the list of events: bars of the chosen range and filters, each a link that narrows the range."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from audit.filters import AuditFilter
from audit.models import AuditLog
from audit.models.querysets import AuditLogQuerySet
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
    if not page.total:
        return None
    found = query.found_rows()
    rows = query.apply(AuditLog.objects.all()) if found is None else found
    begin, end = _range(query, rows)
    if begin >= end:
        return None
    step = step_of(begin, end)
    is_kind = query.given.keys() <= SEALED_FILTERS
    is_large = not page.is_exact or page.total > estimated_counts.MAX_COUNTED
    counts: Counts | None = None
    if is_large and is_kind and end - begin > MIN_SEALED_RANGE:
        step = max(step, DAY)
        counts = _sealed_counts(query, begin, end)
    elif is_kind or not is_large:
        counts = count_events(rows, step)
    bars = make_bars(counts, begin, end, step) if counts else []
    return Histogram(_drawn(bars, given), timedelta(seconds=step), end) if len(bars) > 1 and highest(bars) else None


def _range(query: AuditFilter, rows: AuditLogQuerySet) -> tuple[datetime, datetime]:
    """As chosen; or from the first event that is found, by number, until now."""
    now = timezone.now()
    begin = query.begin
    if begin is None:
        # The first of the log, where finding the first that matches may take long: earlier bars would be empty.
        oldest = rows if len(query.given) == 1 and query.has_matching_index else AuditLog.objects.all()
        begin = oldest.order_by("pk").values_list("timestamp", flat=True).first() or now
    return begin, min(query.value("to") or now, now)


def _sealed_counts(query: AuditFilter, begin: datetime, end: datetime) -> Counts:
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
