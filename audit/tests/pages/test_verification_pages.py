"""The seal on pages: what a reader sees of it, and takes along."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditLog, Checkpoint, VerificationRun
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint
from audit.verification import runs as verification_runs
from audit.verification.verifier import Verification
from reprotech.testing.client import page_client


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


# The state of the log as a whole


def verified(since=0):
    return list(verification_runs.record_run(Verification(since=since), since=since))


def test_a_log_that_is_not_sealed_says_so(manager):
    assert "Not sealed" in text_of(manager.get("/audit"))


def test_a_sealed_log_says_how_far_it_was_verified(manager, event):
    Sealer().seal()
    size = latest_checkpoint().size
    assert f"{size} events</strong> · not verified yet" in text_of(manager.get("/audit"))
    assert verified() == []
    assert re.search(rf"Verified up to \d+ \w+, [\d:]+ UTC, {size} events", text_of(manager.get("/audit")))


def test_what_is_new_is_verified_on_top_of_what_was(manager, event):
    Sealer().seal()
    verified()
    AuditLog.objects.create(username="clerk", action="unlock", resource="user")
    Sealer().seal()
    verification_runs.verify_incrementally()
    assert verification_runs.status().size == latest_checkpoint().size
    runs = VerificationRun.objects.count()
    verification_runs.verify_incrementally()
    assert VerificationRun.objects.count() == runs


def test_a_changed_log_is_loud_until_all_of_it_is_verified_again(manager, event):
    Sealer().seal()
    verified()
    with suspended():
        AuditLog._base_manager.filter(pk=event.pk).update(username="somebody")
    assert verified()
    page = text_of(manager.get("/audit"))
    assert 'role="alert"' in page
    assert "The audit log was changed" in page
    assert str(event.pk) in page
    with suspended():
        AuditLog._base_manager.filter(pk=event.pk).update(username="clerk")
    assert "The audit log was changed" in text_of(manager.get("/audit"))
    assert verified() == []
    assert "Verified up to" in text_of(manager.get("/audit"))


def test_damage_among_the_new_events_is_loud_too(manager, event):
    Sealer().seal()
    verified()
    new = AuditLog.objects.create(username="clerk", action="unlock", resource="user")
    Sealer().seal()
    with suspended():
        AuditLog._base_manager.filter(pk=new.pk).update(action="lock")
    verification_runs.verify_incrementally()
    assert verification_runs.status().state == verification_runs.State.DAMAGED


def test_events_that_nobody_seals_are_noticed(manager, event):
    Sealer().seal()
    old = timezone.now() + timedelta(hours=1)
    late = AuditLog.objects.create(username="clerk", action="lock", resource="user", timestamp=old)
    assert verification_runs.status().stalled_since is None
    with suspended():
        Checkpoint._base_manager.update(sealed_at=timezone.now() - timedelta(days=2))
        AuditLog._base_manager.filter(pk=late.pk).update(timestamp=timezone.now() - timedelta(hours=1))
    assert verification_runs.status().stalled_since
    assert "are not sealed: the server's log" in text_of(manager.get("/audit"))


def test_the_state_costs_the_same_however_long_the_log_is(manager, event, django_assert_max_num_queries):
    Sealer().seal()
    verified()
    with django_assert_max_num_queries(7):
        verification_runs.status()


def test_the_whole_log_is_due_once_a_day(event, settings):
    Sealer().seal()
    assert verification_runs.is_due()
    run = VerificationRun.objects.create()
    assert not verification_runs.is_due()
    run.delete()
    verified()
    assert not verification_runs.is_due()
    VerificationRun.objects.update(started_at=timezone.now() - timedelta(hours=25))
    assert verification_runs.is_due()
    settings.AUDIT_VERIFY_HOURS = 0
    assert not verification_runs.is_due()


@pytest.mark.django_db(transaction=True)
def test_a_verification_that_can_not_start_leaves_no_trace(cast, settings):
    settings.BASE_DIR = settings.BASE_DIR / "nowhere"
    verification_runs.start_full_verification().join()
    assert not verification_runs.is_running()
