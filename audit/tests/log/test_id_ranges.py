"""The number of events and pages deep in the log are those that counting and walking give."""

from datetime import timedelta
from random import Random

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import urlencode

from audit.filters import AuditFilter
from audit.models import Action, AuditLog, Block, Leaf
from audit.sealing.sealer import Sealer
from audit.services import record
from audit.statistics import id_ranges
from reprotech.core.actors import System

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_blocks(monkeypatch):
    """So that few events make many blocks."""
    monkeypatch.setattr(id_ranges, "RANGE_SIZE", 5)


def write(count, *, lost=0):
    """Events, and ids that no event has."""
    for number in range(count):
        record(actor=System(), action=Action.UPDATE, resource="role", resource_id=number)
    for _ in range(lost):
        with transaction.atomic():
            write(1)
            transaction.set_rollback(True)


def is_right():
    ids = list(AuditLog.objects.newest_first().values_list("pk", flat=True))
    assert id_ranges.log_extent().events == len(ids)
    pages = {first: id_ranges.ids_at(id_ranges.log_extent(), first, 4) for first in range(len(ids) + 3)}
    for first, found in pages.items():
        assert found is None or found == ids[first : first + 4], first
    return sum(found is not None for found in pages.values())


@pytest.mark.parametrize("seed", range(5))
def test_any_history(small_blocks, seed):
    chance = Random(seed)
    for _ in range(12):
        write(chance.randrange(8), lost=chance.choice([0, 0, 1, 7]))
        if chance.random() < 0.6:
            Sealer().seal()
        is_right()
    Sealer().seal()
    assert is_right() > 0


def test_nothing_sealed(small_blocks):
    write(12)
    assert not Leaf.objects.exists()
    assert id_ranges.log_extent().since == AuditLog.objects.count()
    assert id_ranges.ids_at(id_ranges.log_extent(), 11, 4) is None


def test_too_much_is_not_counted(small_blocks, monkeypatch, super_admin):
    monkeypatch.setattr(id_ranges, "MAX_UNSEALED", 3)
    write(5)
    assert id_ranges.log_extent() is None
    assert super_admin.get("/api/audit").json()["total"] == AuditLog.objects.count()


def test_all_can_be_counted_again(small_blocks):
    write(20)
    Sealer().seal()
    kept = list(Block.objects.order_by("pk").values_list())
    Block.objects.update(events=1, first_at=None, last_at=None)
    id_ranges.REBUILD_SQL, original = id_ranges.REBUILD_SQL.replace("4096", "5"), id_ranges.REBUILD_SQL
    try:
        id_ranges.rebuild()
    finally:
        id_ranges.REBUILD_SQL = original
    assert list(Block.objects.order_by("pk").values_list()) == kept


def test_the_list_neither_counts_nor_walks(small_blocks, super_admin):
    write(40)
    Sealer().seal()
    write(3)
    with CaptureQueriesContext(connection) as queries:
        body = super_admin.get("/api/audit?per_page=4&page=6").json()
    ids = list(AuditLog.objects.newest_first().values_list("pk", flat=True))
    assert [event["id"] for event in body["logs"]] == ids[20:24]
    assert body["total"] == len(ids)
    offsets = [query["sql"] for query in queries if "OFFSET" in query["sql"]]
    assert all(" OFFSET " in sql and int(sql.rpartition("OFFSET ")[2].split()[0]) < 5 for sql in offsets)


def test_past_the_end_is_an_empty_page(small_blocks, super_admin):
    write(20)
    Sealer().seal()
    assert super_admin.get("/api/audit?page=99").json()["logs"] == []


@pytest.fixture
def clock(monkeypatch):
    """Moves the time of events; each happens up to half an hour before or after its id would have it."""
    now, chance = timezone.now(), Random(1)
    monkeypatch.setattr(id_ranges, "UPGRADE_MARGIN", timedelta(0))

    def moment():
        nonlocal now
        now += timedelta(minutes=10)
        return now + timedelta(minutes=chance.randrange(-30, 30))

    monkeypatch.setattr(AuditLog._meta.get_field("timestamp"), "default", moment)
    monkeypatch.setattr(AuditLog._meta.get_field("timestamp"), "_get_default", moment)
    return moment


def between(begin, end):
    """Whether the list knew where to look for the events between two moments, all of which it must find."""
    query = {name: at.isoformat() for name, at in (("from", begin), ("to", end)) if at}
    asked = AuditFilter.parse(QueryDict(urlencode(query)))
    expected = AuditLog.objects.newest_first()
    expected = expected.filter(timestamp__gte=begin) if begin else expected
    expected = expected.filter(timestamp__lte=end) if end else expected
    assert list(asked.apply(AuditLog.objects.all())) == list(expected), (begin, end)
    return id_ranges.ids_between(begin, end)


@pytest.mark.parametrize("sealed", [60, 90])
def test_events_of_a_time_are_looked_for_where_they_can_be_and_all_found(small_blocks, clock, sealed):
    start = clock()
    write(sealed)
    Sealer().seal()
    write(90 - sealed)
    moments = [start + timedelta(minutes=minutes) for minutes in range(-60, 1000, 75)]
    assert all(between(begin, end) for begin in (None, *moments) for end in (None, *moments) if begin or end)
    first, after = between(start + timedelta(hours=4), start + timedelta(hours=5))
    ids = AuditLog.objects.order_by("pk").values_list("pk", flat=True)
    assert ids[0] + 10 < first < after < ids[sealed - 1]


def test_where_nothing_is_sealed_all_is_looked_through(small_blocks, clock):
    assert not Leaf.objects.exists()
    start = clock()
    write(20)
    assert between(start, start + timedelta(hours=1)) is None


def test_a_block_whose_times_nobody_noted_may_have_events_of_any_time(small_blocks, clock):
    write(30)
    Sealer().seal()
    Block.objects.update(first_at=None, last_at=None)
    write(12)
    Sealer().seal()
    assert Block.objects.filter(first_at=None).count() > 5
    early = AuditLog.objects.order_by("timestamp")[20].timestamp
    assert between(None, early)
    assert between(early, None)


def test_an_event_that_is_not_sealed_yet_may_be_of_any_time(small_blocks, clock):
    write(30)
    early = clock() - timedelta(hours=3)
    Sealer().seal()
    assert between(None, early)[1] is not None
    AuditLog.objects.bulk_create([AuditLog(timestamp=early, action=Action.UPDATE, resource="role")])
    assert between(None, early)[1] is None
