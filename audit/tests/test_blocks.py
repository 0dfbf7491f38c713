"""The number of events and pages deep in the log are those that counting and walking give."""

from random import Random

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit import blocks
from audit.models import Action, AuditLog, Block, Leaf
from audit.sealing import Sealer
from audit.services import System, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_blocks(monkeypatch):
    """So that few events make many blocks."""
    monkeypatch.setattr(blocks, "SIZE", 5)


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
    assert blocks.extent().events == len(ids)
    for first in range(len(ids) + 3):
        found = blocks.ids_at(first, 4)
        assert found is None or found == ids[first : first + 4], first
    return sum(blocks.ids_at(first, 4) is not None for first in range(len(ids)))


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
    assert blocks.extent().since == AuditLog.objects.count()
    assert blocks.ids_at(11, 4) is None


def test_too_much_is_not_counted(small_blocks, monkeypatch, super_admin):
    monkeypatch.setattr(blocks, "MOST_UNSEALED", 3)
    write(5)
    assert blocks.extent() is None
    assert super_admin.get("/api/audit").json()["total"] == AuditLog.objects.count()


def test_all_can_be_counted_again(small_blocks):
    write(20)
    Sealer().seal()
    kept = list(Block.objects.order_by("pk").values_list("pk", "events"))
    Block.objects.update(events=1)
    blocks.REBUILD, original = blocks.REBUILD.replace("4096", "5"), blocks.REBUILD
    try:
        blocks.rebuild()
    finally:
        blocks.REBUILD = original
    assert list(Block.objects.order_by("pk").values_list("pk", "events")) == kept


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
