"""The seal on pages: what a reader sees of it, and takes along."""

import json

import pytest

from audit.models import AuditLog
from audit.sealing import Sealer, latest_checkpoint
from reprotech.testing import page_client


@pytest.fixture
def manager(cast):
    """Who may read the log."""
    return page_client(cast.manager)


@pytest.fixture
def event(db):
    return AuditLog.objects.create(username="clerk", action="lock", resource="user", resource_name="newuser")


def text_of(response):
    return " ".join(response.content.decode().split())


def test_an_event_says_where_it_is_sealed(manager, event):
    assert "not sealed yet" in text_of(manager.get(f"/audit/{event.pk}"))
    Sealer().seal()
    page = text_of(manager.get(f"/audit/{event.pk}"))
    assert f"Event {AuditLog.objects.filter(pk__lte=event.pk).count()} of the log, sealed by the checkpoint" in page
    assert f'href="/audit/{event.pk}/proof"' in page


def test_one_event_can_be_taken_along_with_its_proof(manager, event):
    assert manager.get(f"/audit/{event.pk}/proof").status_code == 404
    Sealer().seal()
    response = manager.get(f"/audit/{event.pk}/proof")
    assert f"audit-event-{event.pk}-proof.jsonl" in response["Content-Disposition"]
    header, line, end = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert header["checkpoint"] == latest_checkpoint().note
    assert (line["event"]["id"], line["event"]["username"], end) == (event.pk, "clerk", {"end": 1})
    assert line["proof"]


def test_the_newest_checkpoint_is_a_file(manager, event):
    Sealer().seal()
    response = manager.get("/audit/checkpoint")
    assert response["Content-Type"].startswith("text/plain")
    assert response.content.decode() == latest_checkpoint().note
