"""Whose sign-ins are looked at after a change: a look costs the same however many are signed in."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, RoleGrant, User
from accounts.roles import services as role_services
from audit.models import Action
from audit.services import build_event, record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import System
from sso.applications import services as application_services
from sso.ending import access_changes, background
from sso.ending.access_changes import AccessChanges
from sso.ending.services import end_lost_sign_ins
from sso.models import Application, AppSignIn
from sso.tests.ending import test_lost_sign_ins as losses
from sso.tests.support.sign_ins import make_application, make_sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def application(cast):
    return make_application("Grafana", "viewer")


@pytest.fixture
def sign_in(cast, application):
    return make_sign_in(application, cast.viewer)


@pytest.fixture
def changes(cast):
    """Of a thread that has looked at everybody."""
    found = AccessChanges()
    assert found.people() is None
    assert found.people() == set()
    return found


@pytest.mark.parametrize(
    "cause",
    [
        *(losses.sign_out, losses.lock, losses.deactivate, losses.delete, losses.change_password),
        *(losses.reset_password, losses.take_role),
    ],
    ids=lambda cause: cause.__name__,
)
def test_only_whose_access_changed_is_looked_at(cast, changes, sign_in, cause):
    cause(cast, sign_in)
    people = changes.people()
    assert people == {cast.viewer.pk}
    assert end_lost_sign_ins(people) == 1
    assert changes.people() <= {cast.viewer.pk}


def test_a_session_that_another_ends_has_everybody_looked_at(cast, changes, sign_in):
    losses.end_session(cast, sign_in)
    assert changes.people() is None


def test_a_changed_role_or_application_has_everybody_looked_at(cast, changes, application):
    role_services.update_role(actor=cast.super_admin, role_id=Role.objects.get(slug="viewer").pk, requires_factor=True)
    assert changes.people() is None
    application_services.update_application(actor=cast.super_admin, application_id=application.pk, is_active=False)
    assert changes.people() is None
    assert changes.people() == set()


def test_what_takes_nothing_away_has_nobody_looked_at(cast, changes):
    for action, resource in ((Action.APP_LOGIN, "application"), (Action.ACCESS_DENIED, "role")):
        record(actor=cast.viewer, action=action, resource=resource, resource_id=1)
    record(actor=cast.admin, action=Action.EXPORT, resource="user")
    record(actor=None, action=Action.LOGIN, resource="auth", success=False)
    record(actor=System(), action=Action.KEY_ROTATE, resource="audit")
    assert changes.people() == set()


def test_what_only_time_ended_is_found_without_an_event(cast, changes, sign_in):
    losses.grow_old(cast, sign_in)
    assert changes.people() == set()
    assert end_lost_sign_ins(set()) == 1


def end_grant(user, ends_at):
    RoleGrant.objects.filter(user=user).update(ends_at=ends_at)


def end_account(user, ends_at):
    User.objects.filter(pk=user.pk).update(ends_at=ends_at)


@pytest.mark.parametrize(("end", "reason"), [(end_grant, "role_taken"), (end_account, "account_disabled")])
def test_what_ran_out_is_found_without_an_event(cast, changes, sign_in, end, reason):
    now = timezone.now()
    with explicitly_recorded():
        end(cast.viewer, now - timedelta(seconds=1))
        end(cast.manager, now + timedelta(days=1))
    people = changes.people()
    assert people == {cast.viewer.pk}
    assert end_lost_sign_ins(people) == 1
    sign_in.refresh_from_db()
    assert sign_in.end_reason == reason


def test_nobody_elses_sign_in_is_looked_at(cast, application):
    others = make_sign_in(application, cast.manager)  # lost: no role of theirs opens it
    assert end_lost_sign_ins({cast.viewer.pk}) == 0
    assert end_lost_sign_ins({cast.manager.pk}) == 1
    others.refresh_from_db()
    assert others.end_reason == "role_taken"


def test_an_event_is_seen_once_also_if_it_is_committed_late(cast, changes):
    def event(pk, user):
        made = build_event(actor=user, action=Action.LOGOUT, resource="auth")
        made.pk = pk
        made.save(force_insert=True)

    first = record(actor=cast.viewer, action=Action.LOGOUT, resource="auth").pk
    assert changes.people() == {cast.viewer.pk}
    event(first + 20, cast.manager)
    assert changes.people() == {cast.manager.pk}
    event(first + 10, cast.researcher)
    assert changes.people() == {cast.researcher.pk}
    assert changes.people() == set()
    # One that began before everybody was looked at, and is committed after that.
    again = AccessChanges()
    assert again.people() is None
    event(first + 15, cast.admin)
    assert again.people() == {cast.admin.pk}


def test_old_events_are_forgotten(cast, changes, monkeypatch):
    monkeypatch.setattr(access_changes, "OVERLAP_SECONDS", -1)
    for _ in range(3):
        record(actor=cast.viewer, action=Action.LOGOUT, resource="auth")
        assert changes.people() == {cast.viewer.pk}
    assert not changes._seen
    assert changes.people() == set()


def test_everybody_is_looked_at_now_and_then_and_after_very_many_events(cast, changes, monkeypatch):
    monkeypatch.setattr(access_changes, "MAX_EVENTS", 2)
    for _ in range(3):
        record(actor=cast.viewer, action=Action.LOGOUT, resource="auth")
    assert changes.people() is None
    assert changes.people() == set()
    monkeypatch.setattr(access_changes, "MAX_PEOPLE", 1)
    for person in (cast.viewer, cast.manager):
        record(actor=person, action=Action.LOGOUT, resource="auth")
    assert changes.people() is None
    changes._everybody_at = 0.0
    assert [changes.people(), changes.people()] == [None, set()]


def test_after_a_failure_nobody_is_passed_over(cast, monkeypatch):
    asked = []

    def end(people):
        asked.append(people)
        if len(asked) == 2:
            raise RuntimeError("no database")
        return 0

    monkeypatch.setattr(background, "end_lost_sign_ins", end)
    monkeypatch.setattr(background, "MIN_PAUSE_SECONDS", 0)
    monkeypatch.setattr(background, "MAX_PAUSE_SECONDS", 0)
    thread = background.EndingThread()
    thread._look()
    record(actor=cast.viewer, action=Action.LOGOUT, resource="auth")
    with pytest.raises(RuntimeError):
        thread._look()
    thread._look()
    assert asked == [None, {cast.viewer.pk}, None]


@pytest.mark.only_on("sqlite")  # PostgreSQL reads a small table as a whole
def test_a_look_reads_no_more_than_what_it_is_for(cast, sign_in):
    for rows in (AppSignIn.objects.lost_by_time(), AppSignIn.objects.lost_by_state().of_people({cast.viewer.pk})):
        plan = rows.explain()
        assert "SCAN" not in plan, plan
    plan = AppSignIn.objects.lost_by_role().of_people({cast.viewer.pk}).explain()
    assert "SCAN app_sign_ins" not in plan, plan
    plan = Application.objects.with_sign_in_count().explain()
    assert "USING INDEX app_sign_in_people" in plan, plan


def test_a_look_asks_little_while_nothing_happens(cast, changes, sign_in):
    with CaptureQueriesContext(connection) as captured:
        assert end_lost_sign_ins(changes.people()) == 0
    assert len(captured) == 3


def test_a_very_large_number_of_people_is_counted_up_to_a_limit(cast, application, monkeypatch):
    monkeypatch.setattr("sso.models.querysets.MAX_COUNTED", 2)
    for person in (cast.viewer, cast.viewer, cast.manager, cast.researcher):
        make_sign_in(application, person)
    assert Application.objects.with_sign_in_count().get().sign_in_count == 2
    with explicitly_recorded():
        AppSignIn.objects.filter(user=cast.manager).delete()
        AppSignIn.objects.filter(user=cast.researcher).delete()
    assert Application.objects.with_sign_in_count().get().sign_in_count == 1
