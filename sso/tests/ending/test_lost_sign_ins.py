"""What ends a sign-in at an application, why, and what is queued and recorded."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Role, Session, User
from accounts.passwords import services as password_services
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from audit.services import record_events
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Forbidden, NotFound
from reprotech.testing.cast import PASSWORD, audit_rows
from sso.ending import background
from sso.ending.services import end_lost_sign_ins, end_sign_in
from sso.models import AppSignIn, EndReason, LogoutNotice, Subject
from sso.sign_ins.notices import session_claim
from sso.tests.support.sign_ins import make_application, make_session, make_sign_in

pytestmark = pytest.mark.django_db

LOGOUT_URI = "https://grafana.lab.example/logout"


@pytest.fixture
def application(cast):
    return make_application("Grafana", "viewer", backchannel_logout_uri=LOGOUT_URI)


def signed_in(application, user, session=None, **fields):
    with explicitly_recorded():
        Subject.objects.get_or_create(user=user)
    token = {"access_hash": f"{AppSignIn.objects.count():064}", "code_used_at": timezone.now()}
    return make_sign_in(application, user, session, **{**token, **fields})


@pytest.fixture
def sign_in(cast, application):
    return signed_in(application, cast.viewer)


def sign_out(cast, sign_in):
    session_services.sign_out(session=sign_in.session)


def end_session(cast, sign_in):
    session_services.end_session(actor=cast.admin, session_id=sign_in.session_id)


def lock(cast, sign_in):
    user_services.lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)


def deactivate(cast, sign_in):
    user_services.update_user(actor=cast.super_admin, user_id=cast.viewer.pk, is_active=False)


def delete(cast, sign_in):
    user_services.delete_user(actor=cast.super_admin, user_id=cast.viewer.pk)


def change_password(cast, sign_in):
    password_services.change_password(actor=cast.viewer, current_password=PASSWORD, new_password="Other-Horse-8")


def reset_password(cast, sign_in):
    password_services.reset_password(actor=cast.super_admin, user_id=cast.viewer.pk, password="Other-Horse-8")


def take_role(cast, sign_in):
    user_services.update_user(actor=cast.super_admin, user_id=cast.viewer.pk, roles=[])


def deactivate_application(cast, sign_in):
    with explicitly_recorded():
        type(sign_in.application).objects.update(is_active=False)


def take_role_from_application(cast, sign_in):
    with explicitly_recorded():
        sign_in.application.roles.set([Role.objects.get(slug="manager")])


def require_factor(cast, sign_in):
    with explicitly_recorded():
        User.objects.filter(pk=cast.viewer.pk).update(must_add_factor=True)


def grow_old(cast, sign_in):
    with explicitly_recorded():
        Session.objects.filter(pk=sign_in.session_id).update(expires_at=timezone.now() - timedelta(seconds=1))


CAUSES = [
    (sign_out, EndReason.LOGOUT),
    (end_session, EndReason.SESSION_ENDED),
    (lock, EndReason.ACCOUNT_DISABLED),
    (deactivate, EndReason.ACCOUNT_DISABLED),
    (delete, EndReason.ACCOUNT_DISABLED),
    (change_password, EndReason.SESSION_ENDED),
    (reset_password, EndReason.SESSION_ENDED),
    (take_role, EndReason.ROLE_TAKEN),
    (take_role_from_application, EndReason.ROLE_TAKEN),
    (deactivate_application, EndReason.APPLICATION_INACTIVE),
    (require_factor, EndReason.REQUIRED_ACTION),
    (grow_old, EndReason.EXPIRED),
]


@pytest.mark.parametrize(("cause", "reason"), CAUSES, ids=[cause.__name__ for cause, _ in CAUSES])
def test_it_ends_with_its_reason_an_event_and_a_notice(cast, sign_in, cause, reason):
    cause(cast, sign_in)
    # Two queries that together find the same as the one that says what counts.
    found = {*AppSignIn.objects.lost_by_state(), *AppSignIn.objects.lost_by_role()}
    assert found == {*AppSignIn.objects.lost()} == {sign_in}
    with audit_rows() as rows:
        assert end_lost_sign_ins() == 1
    sign_in.refresh_from_db()
    assert (sign_in.ended_at is not None, sign_in.end_reason) == (True, reason)
    event = rows[0]
    assert len(rows) == 1
    assert (event.username, event.action, event.resource) == ("the-viewer", "logout", "application")
    assert (event.resource_id, event.resource_name) == (str(sign_in.application_id), "Grafana")
    assert event.details == {"reason": reason.value, "owner_id": cast.viewer.pk}
    assert event.session_id == sign_in.session_id
    notice = LogoutNotice.objects.get()
    assert (notice.application_id, notice.sign_in_id) == (sign_in.application_id, sign_in.pk)
    assert notice.subject == Subject.objects.get(user=cast.viewer).value
    assert notice.sid == session_claim(sign_in.session_id, sign_in.application)


@pytest.mark.parametrize("cause", [cause for cause, _ in CAUSES], ids=[cause.__name__ for cause, _ in CAUSES])
def test_the_job_is_woken_once_the_change_is_committed(
    cast, sign_in, cause, monkeypatch, django_capture_on_commit_callbacks
):
    woken = []
    connection.run_on_commit.clear()  # of what was made for the test
    monkeypatch.setattr("accounts.session_cache.change_listeners._listeners", [lambda: woken.append(cause)])
    with django_capture_on_commit_callbacks(execute=True):
        cause(cast, sign_in)
        assert not woken
    assert woken


def test_a_sign_in_alone_wakes_nobody(cast, client, monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    connection.run_on_commit.clear()  # of what was made for the test
    monkeypatch.setattr("accounts.session_cache.change_listeners._listeners", [lambda: woken.append(1)])
    with django_capture_on_commit_callbacks(execute=True):
        make_session(cast.viewer)
        session_services.renew_session(session_id=Session.objects.get().pk, user_id=cast.viewer.pk)
    assert not woken


def test_what_another_process_changed_is_noticed_within_two_seconds():
    assert background.INTERVAL_SECONDS + background.MAX_PAUSE_SECONDS < 2


def test_what_holds_stays(cast, sign_in):
    with audit_rows() as rows:
        assert end_lost_sign_ins() == 0
    assert not rows
    assert AppSignIn.objects.unended().count() == 1


def test_it_ends_once(cast, sign_in):
    sign_out(cast, sign_in)
    assert [end_lost_sign_ins(), end_lost_sign_ins()] == [1, 0]
    assert LogoutNotice.objects.count() == 1


def test_several_sign_ins_of_one_session_are_told_of_once(cast, application):
    session = make_session(cast.viewer)
    signed_in(application, cast.viewer, session, access_hash="")
    signed_in(application, cast.viewer, session)
    signed_in(application, cast.viewer, session)
    session_services.sign_out(session=session)
    with audit_rows() as rows:
        assert end_lost_sign_ins() == 3
    assert (len(rows), LogoutNotice.objects.count()) == (1, 1)


def test_an_application_without_an_address_is_told_nothing(cast):
    signed_in(make_application("Old"), cast.viewer)
    session_services.sign_out(session=Session.objects.get())
    assert end_lost_sign_ins() == 1
    assert not LogoutNotice.objects.exists()


def test_an_application_that_never_redeemed_its_code_is_told_nothing(cast, application):
    sign_in = signed_in(application, cast.viewer, access_hash="", code_used_at=None)
    sign_out(cast, sign_in)
    assert end_lost_sign_ins() == 1
    assert not LogoutNotice.objects.exists()


def test_a_failure_queues_nothing_and_ends_nothing(cast, sign_in, monkeypatch):
    sign_out(cast, sign_in)

    def fail(events):
        record_events(events)
        raise RuntimeError("no log")

    monkeypatch.setattr("sso.ending.services.record_events", fail)
    with pytest.raises(RuntimeError):
        end_lost_sign_ins()
    assert (AppSignIn.objects.unended().count(), LogoutNotice.objects.count()) == (1, 0)


def test_many_are_ended_in_batches_by_a_fixed_number_of_queries(
    cast, application, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("sso.ending.services.BATCH_SIZE", 5)
    for _ in range(12):
        signed_in(application, cast.viewer)
    lock(cast, None)
    assert end_lost_sign_ins() == 12
    assert LogoutNotice.objects.count() == 12
    monkeypatch.setattr("sso.ending.services.BATCH_SIZE", 500)
    user_services.unlock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    for _ in range(30):
        signed_in(application, cast.viewer)
    lock(cast, None)
    with django_assert_max_num_queries(12):
        assert end_lost_sign_ins() == 30


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_the_same_moment_end_each_once(cast, application):
    for _ in range(20):
        signed_in(application, cast.viewer)
    lock(cast, None)
    barrier, ended = Barrier(2), []

    def run():
        try:
            barrier.wait()
            ended.append(end_lost_sign_ins())
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end_lost_sign_ins()
    assert AppSignIn.objects.unended().count() == 0
    assert LogoutNotice.objects.count() == 20


# By hand


def test_one_ends_ones_own(cast, sign_in, application):
    with audit_rows() as rows:
        end_sign_in(actor=cast.viewer, sign_in_id=sign_in.pk)
    sign_in.refresh_from_db()
    assert sign_in.end_reason == EndReason.REVOKED
    assert [(row.username, row.action, row.resource_name, row.details["reason"]) for row in rows] == [
        ("the-viewer", "logout", "Grafana", "revoked")
    ]
    assert LogoutNotice.objects.count() == 1
    with pytest.raises(NotFound):
        end_sign_in(actor=cast.viewer, sign_in_id=sign_in.pk)


def test_an_administrator_ends_that_of_another(cast, sign_in):
    with audit_rows() as rows:
        end_sign_in(actor=cast.admin, sign_in_id=sign_in.pk)
    assert [(row.username, row.details["owner_id"]) for row in rows] == [("the-admin", cast.viewer.pk)]


@pytest.mark.parametrize("actor", ["researcher", "stranger"])
def test_others_end_none_but_their_own(cast, sign_in, actor):
    with pytest.raises(Forbidden):
        end_sign_in(actor=getattr(cast, actor), sign_in_id=sign_in.pk)
    assert AppSignIn.objects.unended().count() == 1


def test_nobody_ends_that_of_somebody_who_holds_more(cast):
    sign_in = signed_in(make_application("Old"), cast.super_admin)
    with pytest.raises(Forbidden):
        end_sign_in(actor=cast.admin, sign_in_id=sign_in.pk)
