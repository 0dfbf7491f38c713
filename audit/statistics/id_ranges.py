"""The number of events, and their ids at a position of the list or in a time range, without scanning the log.

The sealer counts the sealed events of each RANGE_SIZE consecutive ids, and notes the first and last time. Newer events,
of a few seconds, are counted. An event whose transaction took so long that later ones were sealed before it is missing
here until it is sealed too; the list shows it all the same.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Case, F, Sum, Value, When, Window

from audit.models import AuditLog, Block

RANGE_SIZE = 4_096
#: Unsealed events are counted up to this number; without sealing there may be millions.
MAX_UNSEALED = 50_000
EXTENT_SQL = """
    SELECT last_id, (SELECT CAST(coalesce(sum(events), 0) AS bigint) FROM audit_blocks),
        (SELECT count(*) FROM (SELECT 1 FROM audit_logs WHERE id > last_id LIMIT %s) AS later)
    FROM (SELECT coalesce(max(event_id), 0) AS last_id FROM audit_leaves) AS sealed
"""
ID_BOUNDS_SQL = """
    WITH sealed AS (SELECT coalesce(max(event_id), 0) AS last_id FROM audit_leaves),
        later AS (SELECT timestamp FROM audit_logs WHERE id > (SELECT last_id FROM sealed) ORDER BY id LIMIT %(most)s)
    SELECT last_id, (SELECT count(*) FROM later), EXISTS (SELECT 1 FROM later WHERE timestamp <= %(end)s),
        (SELECT min(block) FROM audit_blocks WHERE last_at IS NULL OR last_at >= %(begin)s),
        (SELECT max(block) FROM audit_blocks WHERE first_at IS NULL OR first_at <= %(end)s)
    FROM sealed
"""
REBUILD_SQL = f"""
    INSERT INTO audit_blocks (block, events, first_at, last_at)
    SELECT event_id / {RANGE_SIZE}, count(*), min(timestamp), max(timestamp)
    FROM audit_leaves JOIN audit_logs ON audit_logs.id = event_id GROUP BY event_id / {RANGE_SIZE}
"""  # noqa: S608 (a constant)  # nosec B608
#: During an upgrade the old version may still seal: it adds to a block without updating its times.
UPGRADE_MARGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LogExtent:
    """The last sealed id, the number of sealed events, and the number of newer ones."""

    last_id: int
    sealed: int
    since: int

    @property
    def events(self) -> int:
        return self.sealed + self.since


def log_extent() -> LogExtent | None:
    """The size of the log; None when too much of it is unsealed to count."""
    with connection.cursor() as cursor:
        cursor.execute(EXTENT_SQL, [MAX_UNSEALED + 1])
        extent = LogExtent(*cursor.fetchone())
    return None if extent.since > MAX_UNSEALED else extent


def ids_at(extent: LogExtent | None, first: int, count: int) -> list[int] | None:
    """The ids of `count` events from position `first` on, 0 for the newest; None when an OFFSET scan is as good."""
    if extent is None or first < max(RANGE_SIZE, extent.since):
        return None
    sealed_before = first - extent.since
    passed = Block.objects.annotate(passed=Window(Sum("events"), order_by=F("pk").desc()))
    block = passed.filter(passed__gt=sealed_before).order_by("-pk").first()
    if block is None:
        return []
    below = min((block.pk + 1) * RANGE_SIZE, extent.last_id + 1)
    ids = AuditLog.objects.filter(pk__lt=below).newest_first().values_list("pk", flat=True)
    start = sealed_before - (block.passed - block.events)
    return list(ids[start : start + count])


def ids_between(begin: datetime | None, end: datetime | None) -> tuple[int, int | None] | None:
    """The lowest id that an event in this time range can have, and the id that all of them are below, if any.

    None when too much is unsealed to say.
    """
    adapt = connection.ops.adapt_datetimefield_value
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    moments = {
        "begin": adapt(begin - UPGRADE_MARGIN if begin and begin > earliest + UPGRADE_MARGIN else earliest),
        "end": adapt(end + UPGRADE_MARGIN if end and end < latest - UPGRADE_MARGIN else latest),
    }
    with connection.cursor() as cursor:
        cursor.execute(ID_BOUNDS_SQL, {**moments, "most": MAX_UNSEALED + 1})
        last_id, unsealed, is_also_later, first, last = cursor.fetchone()
    if not last_id or unsealed > MAX_UNSEALED:
        return None
    after = None if is_also_later else 0 if last is None else (last + 1) * RANGE_SIZE
    return last_id + 1 if first is None else first * RANGE_SIZE, after


def add(events: Iterable[tuple[int, datetime]]) -> None:
    """Count these sealed events, given by id and time."""
    times: dict[int, list[datetime]] = defaultdict(list)
    for event_id, moment in events:
        times[event_id // RANGE_SIZE].append(moment)
    for block, moments in times.items():
        first, last = min(moments), max(moments)
        # A block without times, which an old version made, has none later either: they would not be those of all.
        changed: dict[str, object] = {
            "first_at": Case(When(first_at__gt=first, then=Value(first)), default=F("first_at")),
            "last_at": Case(When(last_at__lt=last, then=Value(last)), default=F("last_at")),
        }
        if not Block.objects.filter(pk=block).update(events=F("events") + len(moments), **changed):
            Block.objects.create(pk=block, events=len(moments), first_at=first, last_at=last)


def rebuild() -> None:
    """Count all sealed events again, after some were archived."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_blocks")
        cursor.execute(REBUILD_SQL)
