"""How many events there are, and which stand at a position of the list, without counting or walking through them.

The sealer notes how many events it sealed of each SIZE ids that follow each other. Newer events, of a few seconds, are
counted. An event whose transaction took so long that later ones were sealed before it is missing here until it is
sealed itself; the list shows it all the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import F, Sum, Window

from audit.models import AuditLog, Block

SIZE = 4_096
#: Events that are not sealed yet are counted up to this number; where nobody seals there may be millions.
MOST_UNSEALED = 50_000
EXTENT = """
    SELECT last_id, (SELECT CAST(coalesce(sum(events), 0) AS bigint) FROM audit_blocks),
        (SELECT count(*) FROM (SELECT 1 FROM audit_logs WHERE id > last_id LIMIT %s) AS later)
    FROM (SELECT coalesce(max(event_id), 0) AS last_id FROM audit_leaves) AS sealed
"""
REBUILD = f"""
    INSERT INTO audit_blocks (block, events) SELECT event_id / {SIZE}, count(*) FROM audit_leaves
    WHERE EXISTS (SELECT 1 FROM audit_logs WHERE audit_logs.id = event_id) GROUP BY event_id / {SIZE}
"""  # noqa: S608 (a constant)  # nosec B608


@dataclass(frozen=True, slots=True)
class Extent:
    """The whole log: the last sealed id, the sealed events, and those that came since."""

    last_id: int
    sealed: int
    since: int

    @property
    def events(self) -> int:
        """How many there are."""
        return self.sealed + self.since


def extent() -> Extent | None:
    """How long the log is; None when too little of it is sealed to tell without counting."""
    with connection.cursor() as cursor:
        cursor.execute(EXTENT, [MOST_UNSEALED + 1])
        there = Extent(*cursor.fetchone())
    return None if there.since > MOST_UNSEALED else there


def ids_at(first: int, count: int) -> list[int] | None:
    """The ids of `count` events from the position `first` on, 0 for the newest; None when walking there is as good."""
    if first < SIZE:
        return None
    there = extent()
    if there is None or first < there.since:
        return None
    sealed_before = first - there.since
    passed = Block.objects.annotate(passed=Window(Sum("events"), order_by=F("pk").desc()))
    block = passed.filter(passed__gt=sealed_before).order_by("-pk").first()
    if block is None:
        return []
    below = min((block.pk + 1) * SIZE, there.last_id + 1)
    ids = AuditLog.objects.filter(pk__lt=below).newest_first().values_list("pk", flat=True)
    start = sealed_before - (block.passed - block.events)
    return list(ids[start : start + count])


def add(event_ids: Iterable[int]) -> None:
    """Note that these events are sealed, as part of the present transaction."""
    for block, events in Counter(event_id // SIZE for event_id in event_ids).items():
        if not Block.objects.filter(pk=block).update(events=F("events") + events):
            Block.objects.create(pk=block, events=events)


def rebuild() -> None:
    """Count all sealed events again, as part of the present transaction: after some left the database."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_blocks")
        cursor.execute(REBUILD)
