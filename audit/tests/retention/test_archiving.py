"""Archiving: the oldest events go to a file that proves itself, and the tree stays what it was."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import canonical_bytes
from audit.models import Action, AuditLog, Leaf
from audit.retention import archiving
from audit.retention.archiving import archivable_range, archive_of, archived_until, drop_archived, write_archive
from audit.retention.erasure import ErasureParts, erase_parts
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint, verified_checkpoint
from audit.sealing.signing_keys import known_keys
from audit.sealing.stored_tree import StoredTree
from audit.services import build_event, record
from audit.statistics import id_ranges
from audit.tests.support.merkle_proofs import is_included, root_hash
from reprotech.core.actors import System
from reprotech.testing.client import page_client

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)


@pytest.fixture
def old_log(cast):
    """Ten old events, sealed after the cast's, which count as old as well; and three young ones."""
    with suspended():
        AuditLog._base_manager.all().delete()
    return write_old(10)


def write_old(count):
    rows = [build_event(actor=System(), action=Action.LOGIN, resource="auth", number=number) for number in range(count)]
    for row in rows:
        row.timestamp = timezone.now() - YEAR
        row.save()
    Sealer().seal()
    for _ in range(3):
        record(actor=System(), action=Action.LOGOUT, resource="auth")
    Sealer().seal()
    return rows


def archive(path, *options):
    out = StringIO()
    call_command("archive_audit", "--to", str(path), "--before", "2026-01-01", *options, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def a_year_has_passed(one_day, monkeypatch):
    """So that a fixed date lies between the old events and the young ones."""
    days = (timezone.now().date() - datetime(2026, 1, 1, tzinfo=UTC).date()).days
    monkeypatch.setattr(sys.modules[__name__], "YEAR", timedelta(days=days + 30))


def is_proven(path):
    command = [sys.executable, str(django_settings.BASE_DIR / "scripts" / "verify-export"), str(path)]
    done = subprocess.run([*command, "--key", str(known_keys()[0])], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "PROVEN" in done.stdout


def assert_the_tree_holds():
    now = verified_checkpoint(latest_checkpoint())
    tree = StoredTree()
    assert root_hash(tree.node, now.size) == now.root
    for leaf in Leaf.objects.all():
        path = tree.inclusion_path(leaf.position, now.size)
        assert is_included(bytes(leaf.hash), leaf.position, now.size, path, now.root)
        for row in AuditLog.objects.filter(pk=leaf.event_id):
            assert leaf_hash(canonical_bytes(row.sealed_row())) == bytes(leaf.hash)


def test_old_events_go_to_a_file_and_every_proof_still_holds(old_log, tmp_path):
    file = tmp_path / "old.jsonl"
    leaves = list(Leaf.objects.order_by("position").values_list("position", "hash"))
    said = archive(file, "--drop", "--yes")
    assert "10 events were removed" in said
    assert not AuditLog.objects.filter(pk__in=[row.pk for row in old_log]).exists()
    assert AuditLog.objects.filter(action=Action.LOGOUT).count() == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert is_proven(file)
    event = AuditLog.objects.get(action=Action.ARCHIVE)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    first = Leaf.objects.get(event_id=old_log[0].pk).position
    assert event.details["end"] == first + 10
    assert (event.details["events"], event.details["sha256"]) == (10, digest)
    assert Leaf.objects.filter(event_id=event.pk).exists()
    assert list(Leaf.objects.order_by("position").values_list("position", "hash"))[: len(leaves)] == leaves
    assert_the_tree_holds()


def test_archiving_again_continues_and_keeps_what_explains_the_gap(old_log, tmp_path):
    archive(tmp_path / "first", "--drop", "--yes", "--most", "4")
    archive(tmp_path / "second", "--drop", "--yes")
    first, second = AuditLog.objects.filter(action=Action.ARCHIVE).order_by("pk")
    assert first.details["end"] == second.details["start"] == 4
    assert second.details["end"] == archived_until()
    with pytest.raises(CommandError, match="nothing to archive"):
        archive(tmp_path / "third", "--drop", "--yes")
    # When the record of an archive is itself old, it stays.
    places = archiving.LeafRange(archived_until(), latest_checkpoint().size)
    with (tmp_path / "fourth").open("wb") as file:
        written = write_archive(actor=System(), file=file, places=places)
    drop_archived(actor=System(), archive=written)
    assert id_ranges.log_extent().events == AuditLog.objects.count()
    assert AuditLog.objects.filter(action=Action.ARCHIVE).count() == 3
    assert set(AuditLog.objects.values_list("action", flat=True)) == {Action.ARCHIVE}
    assert_the_tree_holds()


@pytest.mark.parametrize(("days", "goes"), [(30, False), (31, True)])
def test_what_is_younger_than_31_days_stays_whatever_settings_say(db, days, goes):
    with suspended():
        AuditLog._base_manager.all().delete()
    today = datetime.combine(timezone.now().astimezone(UTC).date(), time(), UTC)
    row = build_event(actor=System(), action=Action.LOGIN, resource="auth")
    row.timestamp = today - timedelta(days=days, microseconds=1)
    row.save()
    Sealer().seal()
    if goes:
        assert archivable_range(archiving.archive_cutoff()) == (0, 1)
    else:
        with pytest.raises(archiving.ArchiveRefused, match="nothing to archive"):
            archivable_range(archiving.archive_cutoff())


def test_an_old_event_behind_a_young_one_waits(old_log):
    write_old(2)
    places = archivable_range(datetime(2026, 1, 1, tzinfo=UTC))
    ids = Leaf.objects.filter(position__gte=places.start, position__lt=places.end).values_list("event_id", flat=True)
    assert set(ids) >= {row.pk for row in old_log}
    assert not AuditLog.objects.filter(pk__in=ids, timestamp__gte=datetime(2026, 1, 1, tzinfo=UTC)).exists()
    assert places.end == Leaf.objects.get(event_id=old_log[-1].pk).position + 1


def test_without_drop_nothing_goes_and_the_export_is_on_record(old_log, tmp_path):
    count = AuditLog.objects.count()
    archive(tmp_path / "old")
    row = AuditLog.objects.get(action=Action.EXPORT)
    assert (AuditLog.objects.count(), row.details["rows"]) == (count + 1, 10)
    assert archived_until() == 0


def test_a_bundle_that_does_not_prove_itself_stops_it(old_log, tmp_path):
    with suspended():
        AuditLog._base_manager.filter(pk=old_log[3].pk).update(username="changed")
    with pytest.raises(CommandError, match="doesn't prove itself"):
        archive(tmp_path / "old", "--drop", "--yes")
    assert AuditLog.objects.filter(pk__in=[row.pk for row in old_log]).count() == 10


def test_an_event_that_is_missing_already_stops_it(old_log, tmp_path):
    with suspended():
        AuditLog._base_manager.filter(pk=old_log[3].pk).delete()
    with pytest.raises(CommandError, match="missing"):
        archive(tmp_path / "old", "--drop", "--yes")
    assert not AuditLog.objects.filter(action=Action.ARCHIVE).exists()


def test_an_event_that_goes_missing_meanwhile_stops_it(old_log, tmp_path):
    with (tmp_path / "old").open("wb") as file:
        written = write_archive(actor=System(), file=file, places=archivable_range(datetime(2026, 1, 1, tzinfo=UTC)))
    with suspended():
        AuditLog._base_manager.filter(pk=old_log[3].pk).delete()
    with pytest.raises(archiving.ArchiveRefused, match="1 of these"):
        drop_archived(actor=System(), archive=written)
    assert AuditLog.objects.filter(pk=old_log[0].pk).exists()


def test_what_was_erased_meanwhile_does_not_live_on_in_the_bundle(old_log, tmp_path):
    with (tmp_path / "old").open("wb") as file:
        written = write_archive(actor=System(), file=file, places=archivable_range(datetime(2026, 1, 1, tzinfo=UTC)))
    parts = ErasureParts([AuditLog.objects.filter(pk=old_log[0].pk)], [])
    erase_parts(actor=System(), parts=parts, resource="user", resource_id=1)
    with pytest.raises(archiving.ArchiveRefused, match="erased meanwhile"):
        drop_archived(actor=System(), archive=written)


def test_two_archives_of_the_same_events_are_dropped_once(old_log, tmp_path):
    places = archivable_range(datetime(2026, 1, 1, tzinfo=UTC))
    with (tmp_path / "old").open("wb") as file:
        written = write_archive(actor=System(), file=file, places=places)
    drop_archived(actor=System(), archive=written)
    with pytest.raises(archiving.ArchiveRefused, match="has archived"):
        drop_archived(actor=System(), archive=written)
    assert AuditLog.objects.filter(action=Action.ARCHIVE).count() == 1


def test_it_asks_before_it_removes(old_log, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(CommandError, match="Nothing was removed"):
        archive(tmp_path / "old", "--drop")
    assert AuditLog.objects.filter(pk=old_log[0].pk).exists()


def test_a_file_is_never_overwritten_nor_left_half(old_log, tmp_path):
    file = tmp_path / "precious"
    file.write_text("precious")
    with pytest.raises(CommandError, match="there already"):
        archive(file, "--drop", "--yes")
    assert file.read_text() == "precious"
    with pytest.raises(CommandError, match="can't be written"):
        archive(tmp_path / "nowhere" / "old", "--drop", "--yes")


def test_half_a_bundle_is_taken_away(old_log, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(CommandError, match="No space left"):
        archive(tmp_path / "old", "--drop", "--yes")
    assert list(tmp_path.iterdir()) == []
    assert AuditLog.objects.filter(pk=old_log[0].pk).exists()


@pytest.mark.parametrize("before", ["soon", "2026-13-01", "2026-01-01T00:00", "2999-01-01"])
def test_a_day_that_makes_no_sense_is_refused(old_log, tmp_path, before):
    with pytest.raises(CommandError, match="--before"):
        call_command("archive_audit", "--to", str(tmp_path / "old"), "--before", before)
    assert list(tmp_path.iterdir()) == []


def test_settings_say_how_long_events_stay(old_log, tmp_path, settings):
    with pytest.raises(CommandError, match="AUDIT_RETENTION_DAYS"):
        call_command("archive_audit", "--to", str(tmp_path / "old"))
    settings.AUDIT_RETENTION_DAYS = 20_000
    with pytest.raises(CommandError, match="at the latest"):
        archive(tmp_path / "old")
    settings.AUDIT_RETENTION_DAYS = 60
    call_command("archive_audit", "--to", str(tmp_path / "old"), stdout=StringIO())
    assert json.loads((tmp_path / "old").read_text().splitlines()[-1]) == {"end": 10}


def test_the_page_of_an_archived_event_says_where_it_is(cast, old_log, tmp_path):
    archive(tmp_path / "old", "--drop", "--yes")
    row, digest = archive_of(old_log[0].pk)
    client = page_client(cast.admin)
    response = client.get(f"/audit/{old_log[0].pk}")
    assert response.status_code == 404
    assert digest in response.content.decode()
    assert "was archived" not in client.get(f"/audit/{2**62}").content.decode()
    assert "archived 10 events" in client.get("/audit").content.decode()
    assert client.get(f"/audit/{row.pk}").status_code == client.get("/").status_code == 200


def test_nothing_is_removed_from_a_log_that_is_damaged_anywhere(old_log, tmp_path):
    young = AuditLog.objects.filter(action=Action.LOGOUT).first()
    with suspended():
        AuditLog._base_manager.filter(pk=young.pk).update(username="somebody")
    before = AuditLog.objects.count()
    with pytest.raises(CommandError, match=f"damaged, so nothing was removed. The event {young.pk}"):
        archive(tmp_path / "bundle.jsonl", "--drop", "--yes")
    assert AuditLog.objects.count() == before
