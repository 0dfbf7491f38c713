"""A session that ends by idleness or age is put on record, once, however many processes look."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from accounts import housekeeping
from accounts.models import Session
from accounts.sessions import services as session_services
from accounts.sessions.services import end_expired_sessions
from audit.models import Action, AuditLog
from audit.presentation.event_text import sentence
from reprotech.testing.cast import at_once
from reprotech.testing.client import Caller, page_client

migration = import_module("accounts.migrations.0019_former_usernames")
HOUR = timedelta(hours=1)


def expired(user, *, kind="page", ago=HOUR, ends_in=HOUR):
    """A session that was over so long ago, and could have lasted until so long after that moment."""
    over = timezone.now() - ago
    used = over - timedelta(minutes=30)
    return Session.objects.create(
        user=user, kind=kind, created_at=used - HOUR, last_used_at=used, expires_at=over, ends_at=over + ends_in
    )


def events():
    return AuditLog.objects.filter(action=Action.SESSION_END).order_by("pk")


@pytest.mark.parametrize("kind", ["page", "token"])
@pytest.mark.parametrize(("ends_in", "reason"), [(HOUR, "idle"), (timedelta(0), "age")])
def test_it_ends_with_an_event_that_says_why(cast, kind, ends_in, reason):
    session = expired(cast.viewer, kind=kind, ends_in=ends_in)
    assert end_expired_sessions() == 1
    assert end_expired_sessions() == 0
    (row,) = events()
    assert (row.user_id, row.username, row.resource) == (cast.viewer.pk, "the-viewer", "auth")
    assert (row.session_id, row.success, row.ip_address) == (session.pk, True, None)
    moment = session.expires_at.isoformat().replace("+00:00", "Z")
    assert {**row.details, "ended_at": row.details["ended_at"][:23]} == {
        "reason": reason,
        "kind": kind,
        "ended_at": moment[:23],
    }
    assert sentence(row).startswith("A session of the-viewer ended by itself: it ")
    session.refresh_from_db()
    assert (session.ended_at, session.end_reason) == (session.expires_at, reason)
    found = Caller(cast.admin).get(f"/api/audit?action=session_end&user=the-viewer&session={session.pk}").json()
    assert found["total"] == 1


def test_looking_happens_often_enough_to_tell_within_a_minute():
    assert housekeeping.INTERVAL_SECONDS <= 30


def test_sessions_that_live_or_were_ended_are_left_alone(cast):
    living = Caller(cast.viewer)
    page_client(cast.admin).post("/logout")
    assert living.get("/api/auth/me").status_code == 200
    assert end_expired_sessions() == 0
    assert not events().exists()
    assert living.get("/api/auth/me").status_code == 200


def test_many_are_ended_a_few_at_a_time(cast, monkeypatch):
    monkeypatch.setattr(session_services, "BATCH_SIZE", 2)
    for n in range(5):
        expired(cast.viewer, ago=n * HOUR + HOUR)
    assert end_expired_sessions() == 5
    assert events().count() == 5


def test_sessions_of_before_the_upgrade_leave_nothing(cast):
    idle, aged = expired(cast.viewer), expired(cast.viewer, ends_in=timedelta(0))
    migration.end_what_is_over(apps, None)
    assert end_expired_sessions() == 0
    assert not events().exists()
    assert dict(Session.objects.values_list("pk", "end_reason")) == {idle.pk: "idle", aged.pk: "age"}


@pytest.mark.django_db(transaction=True)
def test_of_processes_that_look_at_once_each_session_is_ended_by_one(cast):
    sessions = {expired(cast.viewer).pk for _ in range(20)}
    at_once(*[housekeeping.maintain_sessions] * 3)
    housekeeping.maintain_sessions()
    assert sorted(events().values_list("session_id", flat=True)) == sorted(sessions)
