"""Section 3 of the contract: keys, checkpoints, proofs and bundles of the audit log."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.export.bundles import base64_text
from audit.models import AuditLog, Checkpoint, Leaf, Node, SigningKey
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint
from audit.services import record
from audit.tests.support.sealed_log import archive, first_key, write_events
from audit.tests.support.standalone_verifier import lines_of, module, verify
from reprotech.testing.client import TIME, Like, error_of, page_client

BASE64 = Like(r"[A-Za-z0-9+/]{43}=")


@pytest.fixture
def events(cast):
    return write_events()


def shown(checkpoint):
    """A checkpoint as the API shows it."""
    return {
        "size": checkpoint.size,
        "time": TIME,
        "root": base64_text(checkpoint.statement.root),
        "note": checkpoint.note,
    }


def refusal(response, status):
    assert response.status_code == status, response.content
    return error_of(response)


def test_the_keys_are_listed_oldest_first(events, super_admin):
    row = SigningKey.objects.get()
    key = str(row.verifier)
    assert super_admin.get("/api/audit/keys").json() == {
        "keys": [{"key": key, "created_at": TIME, "statement": row.statement}]
    }
    assert module.key_of(key)[0] == "127.0.0.1:5001/audit"


def test_checkpoints_are_listed_newest_first(events, super_admin):
    first, second, third = Checkpoint.objects.all()
    assert super_admin.get("/api/audit/checkpoints").json() == {
        "checkpoints": [shown(third), shown(second), shown(first)],
        "total": 3,
        "page": 1,
        "per_page": 10,
        "pages": 1,
    }
    assert super_admin.get("/api/audit/checkpoints?page=2&per_page=2").json() == {
        "checkpoints": [shown(first)],
        "total": 3,
        "page": 2,
        "per_page": 2,
        "pages": 2,
    }


def test_the_newest_checkpoint_is_given_as_json_or_as_the_note_alone(events, super_admin):
    response = super_admin.get("/api/audit/checkpoints/latest")
    assert response.json() == shown(latest_checkpoint())
    assert response["Content-Type"] == "application/json"
    for path in ("/api/audit/checkpoints/latest?format=text", "/api/audit/checkpoints/latest/?format=text"):
        response = super_admin.get(path)
        assert response.content.decode() == latest_checkpoint().note
        assert response["Content-Type"] == "text/plain; charset=utf-8"


def test_before_anything_was_sealed_there_is_nothing_to_show(cast, super_admin):
    assert super_admin.get("/api/audit/keys").json() == {"keys": []}
    assert super_admin.get("/api/audit/checkpoints").json()["checkpoints"] == []
    answer = refusal(super_admin.get("/api/audit/checkpoints/latest"), 404)
    assert answer == {"error": "There is no checkpoint yet.", "code": "not_found"}
    answer = refusal(super_admin.get("/api/audit/export?format=bundle"), 409)
    assert answer == {"error": "The audit log is not sealed yet: there is no checkpoint.", "code": "conflict"}
    assert page_client(cast.super_admin).get("/audit/export?format=bundle").status_code == 409


def assert_proves(answer):
    """The answer holds by the standalone verifier's own reckoning."""
    size, root, *_ = module.checkpoint_of(answer["checkpoint"], [module.key_of(first_key())])
    leaf, path = module.base64(answer["leaf"]), module.hashes(answer["proof"])
    assert size == answer["size"]
    assert module.included_root(leaf, answer["position"], size, path) == root
    assert answer["event"] is None or module.leaf_of(answer["event"]) == leaf


def test_an_event_is_proven_under_the_newest_checkpoint_or_another(events, super_admin):
    event = events[1]
    place = Leaf.objects.get(event_id=event.pk)
    older, newest = list(Checkpoint.objects.all())[1:]
    for query, checkpoint in (("", newest), (f"?size={older.size}", older), (f"?size={newest.size}", newest)):
        answer = super_admin.get(f"/api/audit/{event.pk}/proof{query}").json()
        assert answer == {
            "event_id": event.pk,
            "position": place.position,
            "size": checkpoint.size,
            "leaf": base64_text(bytes(place.hash)),
            "proof": [BASE64] * len(answer["proof"]),
            "checkpoint": checkpoint.note,
            "event": {
                "id": event.pk,
                "v": 1,
                "timestamp": "2031-03-01T13:00:00.000001Z",
                "user_id": 1,
                "username": "clerk-1",
                "action": "update",
                "resource": "user",
                "resource_id": "1",
                "resource_name": "Jürgen 🧪 1",
                "success": True,
                "ip_address": "192.0.2.7",
                "user_agent": "pipette/2",
                "request_id": f"{1:032x}",
                "session_id": "11111111-1111-4111-8111-111111111111",
                "details": event.details,
                "actor_salt": event.actor_opening.hex(),
                "subject_salt": event.subject_opening.hex(),
            },
        }
        assert_proves(answer)


def test_an_archived_event_is_proven_by_its_hash_alone(events, super_admin):
    archive(20, 21, [events[3]])
    answer = super_admin.get(f"/api/audit/{events[3].pk}/proof").json()
    assert answer["event"] is None
    assert_proves(answer)


def test_what_is_not_sealed_can_not_be_proven(events, super_admin):
    late = record(actor=None, action="login", resource="auth")
    ask = lambda path: refusal(super_admin.get(path), 404)["error"]  # noqa: E731
    assert ask(f"/api/audit/{late.pk}/proof") == "This event is not sealed yet."
    assert ask(f"/api/audit/{late.pk + 999}/proof") == "There is no such event."
    older = list(Checkpoint.objects.all())[1]
    last = events[-1]
    assert ask(f"/api/audit/{last.pk}/proof?size={older.size}") == (
        f"This event was sealed after the checkpoint of {older.size} events."
    )
    assert ask(f"/api/audit/{last.pk}/proof?size=5") == "There is no checkpoint of 5 events."


def test_two_checkpoints_are_proven_to_be_of_one_log(events, super_admin):
    notes = {checkpoint.size: checkpoint.note for checkpoint in Checkpoint.objects.all()}
    for old, older in notes.items():
        for new in (size for size in notes if size >= old):
            answer = super_admin.get(f"/api/audit/consistency?from={old}&to={new}").json()
            assert answer == {
                "from": old,
                "to": new,
                "proof": [BASE64] * len(answer["proof"]),
                "from_checkpoint": older,
                "to_checkpoint": notes[new],
            }
            keys = [module.key_of(first_key())]
            roots = [module.checkpoint_of(notes[size], keys)[1] for size in (old, new)]
            assert module.is_consistent(old, new, *roots, module.hashes(answer["proof"]))
            assert bool(answer["proof"]) == (old != new)


AT_LEAST_1 = "Give a whole number of at least 1."


@pytest.mark.parametrize(
    ("path", "errors"),
    [
        ("consistency", {"from": [AT_LEAST_1], "to": [AT_LEAST_1]}),
        ("consistency?from=3", {"to": [AT_LEAST_1]}),
        ("consistency?from=0&to=-1", {"from": [AT_LEAST_1], "to": [AT_LEAST_1]}),
        ("consistency?from=9&to=3", {"to": ["Give a size that is not below “from”."]}),
        ("consistency?from=x&to=%00", {"from": [AT_LEAST_1], "to": [AT_LEAST_1]}),
        ("consistency?from=1&to=" + "9" * 5_000, {"to": [AT_LEAST_1]}),
        ("consistency?from=1&to=2&to=2", {"to": ["Give it once only."]}),
        ("1/proof?size=0", {"size": [AT_LEAST_1]}),
        ("1/proof?size=1.5", {"size": [AT_LEAST_1]}),
        ("1/proof?at=1", {"at": ["There is no such parameter."]}),
        ("checkpoints/latest?format=xml", {"format": ["Give one of: json, text."]}),
        ("checkpoints?per_page=101", {"per_page": ["Give a whole number from 1 to 100."]}),
        ("keys?page=1", {"page": ["There is no such parameter."]}),
        ("export?format=pdf", {"format": ["Give one of: csv, jsonl, bundle."]}),
        ("export?format=bundle&start=-1", {"start": ["Give a whole number of at least 0."]}),
        ("export?format=bundle&end=0", {"end": [AT_LEAST_1]}),
        ("export?start=1", {"start": ["Only an export with format=bundle has places."]}),
        ("export?format=bundle&end=3&user=x", {"end": ["Give places or filters, not both."]}),
    ],
)
def test_what_makes_no_sense_is_explained(cast, super_admin, path, errors):
    response = super_admin.get(f"/api/audit/{path}")
    assert (response.status_code, error_of(response)["errors"]) == (400, errors)


@pytest.mark.parametrize("query", ["from=1&to=999", "from=999999999999999999&to=999999999999999999"])
def test_checkpoints_that_are_not_there_are_named(events, super_admin, query):
    assert refusal(super_admin.get(f"/api/audit/consistency?{query}"), 404)["error"].startswith(
        "There is no checkpoint of"
    )


@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 40, "9" * 5_000], ids=len)
def test_an_event_beyond_64_bits_is_not_there(events, super_admin, number):
    assert super_admin.get(f"/api/audit/{number}/proof").status_code == 404


def test_a_damaged_tree_is_no_server_error(cast, super_admin):
    AuditLog.objects.bulk_create(AuditLog(action="login", resource="auth") for _ in range(300))
    Sealer().seal()
    with suspended():
        Node._base_manager.all().delete()
    last = AuditLog.objects.latest("id").pk
    answer = refusal(super_admin.get(f"/api/audit/{last}/proof"), 409)
    assert answer["error"].endswith("manage.py verify_audit tells more.")


def queries_of(get, path):
    with CaptureQueriesContext(connection) as captured:
        response = get(path)
    assert response.status_code == 200, response.content
    return [query["sql"] for query in captured]


def test_a_proof_costs_few_queries_whatever_the_size_of_the_log(events, super_admin):
    super_admin.token  # noqa: B018 (opens the session)
    old = latest_checkpoint().size
    for _ in range(2):
        AuditLog.objects.bulk_create(AuditLog(action="login", resource="auth") for _ in range(700))
        Sealer().seal()
        new = latest_checkpoint().size
        # Two for being signed in; event, leaf and checkpoint; the tree's leaves (two blocks) and nodes (one).
        sql = queries_of(super_admin.get, f"/api/audit/{events[0].pk}/proof")
        assert 4 < len(sql) <= 8, "\n".join(sql)
        sql = queries_of(super_admin.get, f"/api/audit/consistency?from={old}&to={new}")
        assert 4 < len(sql) <= 7, "\n".join(sql)
        assert 0 < len(queries_of(super_admin.get, "/api/audit/checkpoints/latest")) <= 3


def bundle_of(response):
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert response["Content-Disposition"].endswith('.bundle.jsonl"')
    return b"".join(response)


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("", {"filters": {}, "start": 0, "end": 24, "rows": 24}),
        ("&start=3&end=20", {"filters": {}, "start": 3, "end": 20, "rows": 17}),
        ("&start=20", {"filters": {}, "start": 20, "end": 24, "rows": 4}),
        ("&user=CLERK-3&outcome=", {"filters": {"user": "CLERK-3"}, "rows": 1}),
        ("&user=nobody", {"filters": {"user": "nobody"}, "rows": 0}),
    ],
)
def test_a_bundle_proves_itself_and_is_put_on_record(events, cast, super_admin, query, details):
    assert latest_checkpoint().size == 24
    content = bundle_of(super_admin.get(f"/api/audit/export?format=bundle{query}"))
    row = AuditLog.objects.latest("id")
    assert (row.username, row.action, row.resource) == ("the-super_admin", "export", "audit")
    assert row.details == {"format": "bundle", "checkpoint": 24, **details}
    code, output = verify(content, "--key", first_key())
    assert (code, len(lines_of(content)) - 2) == (0, details["rows"]), output
    page = page_client(cast.super_admin)
    again = lines_of(bundle_of(page.get(f"/audit/export?format=bundle{query}")))
    assert again[1:] == lines_of(content)[1:]


def test_a_bundle_of_places_that_are_not_there_is_refused(events, super_admin):
    answer = refusal(super_admin.get("/api/audit/export?format=bundle&start=24"), 409)
    assert answer["error"] == "24 events are sealed: give places from 0 to 24, the first below the second."


def test_the_audit_page_offers_the_export_with_its_filters(events, cast):
    page = page_client(cast.super_admin).get("/audit?user=clerk-3&page=1").content.decode()
    assert 'href="/audit/export?user=clerk-3&amp;format=bundle"' in page
