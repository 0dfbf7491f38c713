"""Bundles: what is in them, what they cost, and the command that writes them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from audit.export import bundles
from audit.export.bundles import complete_bundle, selected_bundle
from audit.models import AuditLog, Leaf, Node, SigningKey
from audit.sealing import stored_tree
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint
from audit.sealing.stored_tree import ProofUnavailable
from audit.services import record
from audit.tests.support.sealed_log import archive, complete, erase, first_key, selection, write_events
from audit.tests.support.standalone_verifier import lines_of, verify
from reprotech.testing.client import TIME


@pytest.fixture
def events(db):
    return write_events()


def test_the_first_line_of_a_complete_bundle_describes_it(events):
    record(actor=None, action="login", resource="auth")
    checkpoint = latest_checkpoint()
    header = lines_of(complete())[0]
    assert header == {
        "bundle": "reprotech-audit/1",
        "kind": "complete",
        "made_at": TIME,
        "checkpoint": checkpoint.note,
        "keys": [SigningKey.objects.get().statement],
        "start": 0,
        "end": checkpoint.size,
        "before": [],
        "after": [],
        "unsealed": 1,
    }


def test_the_first_line_of_a_selection_has_the_filters_as_they_were_given(events):
    record(actor=None, action="login", resource="auth")
    record(actor=None, action="logout", resource="auth")
    bundle = selected_bundle(AuditLog.objects.filter(action="login"), {"action": "Login"})
    assert bundle.header == {
        "bundle": "reprotech-audit/1",
        "kind": "selection",
        "made_at": TIME,
        "checkpoint": latest_checkpoint().note,
        "keys": [SigningKey.objects.get().statement],
        "filters": {"action": "Login"},
        "unsealed": 1,
    }


def test_a_line_has_all_that_it_takes_to_check_an_event(events):
    event = events[5]
    place = Leaf.objects.get(event_id=event.pk)
    line = next(line for line in lines_of(complete())[1:] if line.get("event", {}).get("id") == event.pk)
    assert line == {
        "position": place.position,
        "leaf": bundles.base64_text(bytes(place.hash)),
        "event": {
            "id": event.pk,
            "v": 1,
            "timestamp": "2031-03-01T17:00:00.000005Z",
            "user_id": 5,
            "username": "clerk-5",
            "action": "export",
            "resource": "user",
            "resource_id": "5",
            "resource_name": "Jürgen 🧪 5",
            "success": True,
            "ip_address": "2001:db8::1",
            "user_agent": "pipette/2",
            "request_id": f"{5:032x}",
            "session_id": "11111111-1111-4111-8111-111111111111",
            "details": event.details,
            "actor_salt": event.actor_opening.hex(),
            "subject_salt": event.subject_opening.hex(),
        },
    }


def test_what_was_erased_or_archived_is_left_out(events):
    place = Leaf.objects.get(event_id=events[7].pk).position
    erase(events[2])
    archive(place, place + 1, [events[7]])
    lines = {line["position"]: line for line in lines_of(complete())[1:-1]}
    event = lines[Leaf.objects.get(event_id=events[2].pk).position]["event"]
    assert "actor_salt" not in event
    assert "subject_salt" not in event
    assert len(event["actor_commitment"]) == len(event["subject_commitment"]) == 64
    assert (event["username"], event["ip_address"], event["details"]["sent_to"]) == ("", None, None)
    assert lines[place].keys() == {"position", "leaf"}


def test_a_selection_has_the_sealed_events_that_match_in_the_order_of_the_tree(events):
    with suspended():  # an event that got its id late
        late = AuditLog(pk=events[0].pk - 10_000, username="clerk-late", action="login", resource="user")
        late.save()
    Sealer().seal()
    record(actor=None, action="login", resource="user")
    found = [line["event"]["id"] for line in lines_of(selection(resource="user", username__startswith="clerk"))[1:-1]]
    assert found == [*(event.pk for event in events), late.pk]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 500])
def test_chunks_and_windows_leave_nothing_out(events, monkeypatch, chunk):
    monkeypatch.setattr(bundles, "CHUNK_SIZE", chunk)
    for _ in range(3):
        write_events(5)
    key = first_key()
    wanted = [event.pk for event in AuditLog.objects.order_by("pk")]
    for content in (complete(), selection(pk__gte=0)):
        assert [line["event"]["id"] for line in lines_of(content)[1:-1]] == wanted
        assert verify(content, "--key", key)[0] == 0
    some = AuditLog.objects.filter(username__in=["clerk-1", "clerk-4"]).order_by("pk").values_list("pk", flat=True)
    content = selection(username__in=["clerk-1", "clerk-4"])
    assert [line["event"]["id"] for line in lines_of(content)[1:-1]] == list(some)


def test_nothing_can_be_proven_before_the_first_checkpoint(db):
    with pytest.raises(ProofUnavailable, match="not sealed yet"):
        complete_bundle()
    with pytest.raises(ProofUnavailable, match="not sealed yet"):
        selected_bundle(AuditLog.objects.all(), {})


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (5, 2), (0, 10**6), (10**6, None)])
def test_places_that_are_not_there_are_refused(events, start, end):
    with pytest.raises(ProofUnavailable, match="give places from 0 to"):
        complete_bundle(start, end)


def test_a_damaged_tree_is_said_to_be_one(db):
    AuditLog.objects.bulk_create(AuditLog(action="login", resource="auth") for _ in range(300))
    Sealer().seal()
    with suspended():
        Node._base_manager.all().delete()
    with pytest.raises(ProofUnavailable, match="verify_audit"):
        complete_bundle(256)


def test_a_walk_through_the_tree_keeps_few_blocks(db, monkeypatch):
    monkeypatch.setattr(stored_tree, "MAX_CACHED_BLOCKS", 4)
    AuditLog.objects.bulk_create(AuditLog(action="login", resource="auth") for _ in range(2_000))
    Sealer().seal()
    size, tree = latest_checkpoint().size, stored_tree.StoredTree()
    for position in range(0, size, 100):
        assert tree.inclusion_path(position, size) == stored_tree.StoredTree().inclusion_path(position, size)
        assert len(tree._blocks) <= 4


def queries(make):
    with CaptureQueriesContext(connection) as captured:
        content = make()
    return len(captured), len(content.splitlines())


@pytest.mark.parametrize("make", [complete, selection])
def test_a_bundle_costs_a_few_queries_for_each_chunk(db, make):
    costs = []
    for _ in range(2):
        AuditLog.objects.bulk_create(AuditLog(action="login", resource="auth") for _ in range(2 * bundles.CHUNK_SIZE))
        Sealer().seal()
        costs.append(queries(make))
    (few, short), (many, long) = costs
    assert long - short == 2 * bundles.CHUNK_SIZE
    # For a selection the neighbouring leaves are read too, 256 at a time.
    assert 0 < many - few <= (12 if make is selection else 5)


FIXED = [
    {
        "pk": 7_000_000 + number,
        "timestamp": datetime(2030, 1, 31, 9, 30, 0, number, tzinfo=UTC) + timedelta(days=180 * number),
        "user_id": number or None,
        "username": "Zoë" if number else "",
        "action": "update",
        "resource": "user",
        "resource_id": "12",
        "resource_name": "Jürgen 🧪",
        "success": number != 1,
        "ip_address": [None, "192.0.2.7", "2001:DB8::1", "::ffff:192.0.2.9"][number],
        "user_agent": "pipette/2",
        "request_id": "f" * 32,
        "session_id": UUID(int=number) if number else None,
        "details": {
            "z": 1,
            "changes": {"username": ["a", "b"], "roles": [[], ["x"]]},
            "a": {"y": [None, True], "b": -7},
        },
        "actor_opening": bytes([number]) * 16,
        "subject_opening": bytes([number + 8]) * 16,
    }
    for number in range(4)
]
LEAVES = "7ed10a63fa173309bd42082f9947544fbe307f306ea0b9f93afdacff805843e2"
LINES = "34c8f32527dadc4556f5e43fa450f6fd404d6757f9074653eaa17c055dab9eaa"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_same_events_make_the_same_lines_on_every_database(db, zone, settings):
    settings.TIME_ZONE = zone
    with timezone.override(zone):
        AuditLog.objects.bulk_create(AuditLog(**fields) for fields in FIXED)
        Sealer().seal()
        lines = [line for line in lines_of(complete())[1:-1] if line["event"]["id"] >= FIXED[0]["pk"]]
    assert len(lines) == len(FIXED)
    assert hashlib.sha256("".join(line["leaf"] for line in lines).encode()).hexdigest() == LEAVES
    events = json.dumps([line["event"] for line in lines], sort_keys=True)
    assert hashlib.sha256(events.encode()).hexdigest() == LINES


def export(*words):
    output = StringIO()
    call_command("export_audit", *map(str, words), stdout=output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], None),
        (["--user", "CLERK-3"], [3]),
        (["--from-date", "2031-03-01T17:00:00Z", "--to-date", "2031-03-01"], [5, 6, 7]),
        (["--outcome", "failure"], [0, 4]),
        (["--start", "3", "--end", "9"], None),
    ],
)
def test_the_command_writes_what_is_asked_for_and_leaves_a_row(events, tmp_path, options, ids):
    file, size = tmp_path / "audit.jsonl", latest_checkpoint().size
    said = export("--to", file, *options)
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() in said
    assert verify(content, "--key", first_key())[0] == 0
    lines = lines_of(content)
    if ids is not None:
        assert [line["event"]["id"] for line in lines[1:-1]] == [events[index].pk for index in ids]
    row = AuditLog.objects.latest("id")
    assert (row.username, row.action, row.resource) == (SYSTEM.username, "export", "audit")
    assert row.details["rows"] == lines[-1]["end"] == len(lines) - 2
    assert (row.details["format"], row.details["checkpoint"]) == ("bundle", size)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--start", "x"], "start: Give a whole number of at least 0."),
        (["--start", "1", "--user", "x"], "start: Give places or filters, not both."),
        (["--end", "9999"], "give places from 0 to"),
        (["--from-date", "yesterday"], "from: Give a date or time"),
    ],
)
def test_the_command_explains_what_makes_no_sense(events, tmp_path, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        export("--to", tmp_path / "file", *options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.quick
def test_the_command_replaces_no_file(events, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    rows = AuditLog.objects.count()
    with pytest.raises(CommandError, match="is there already"):
        export("--to", file)
    with pytest.raises(CommandError, match="can't be written"):
        export("--to", tmp_path / "no" / "folder")
    assert file.read_text() == "mine"
    assert AuditLog.objects.count() == rows + 1  # of the second: what was tried is on record
