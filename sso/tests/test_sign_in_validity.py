"""A sign-in at an application counts as long as all that it hangs on: decided when it is read."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Role, Session, User
from accounts.roles.services import create_role
from accounts.sessions.services import end_session
from accounts.users.services import delete_user, lock_user, unlock_user, update_user
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import make_user
from sso.ending.services import end_lost_sign_ins
from sso.models import Application, AppSignIn
from sso.tests.support.sign_ins import make_application, make_session, make_sign_in

pytestmark = pytest.mark.django_db


def is_valid(sign_in):
    """Whether it counts; a sign-in that isn't ended is either valid or lost, never both."""
    valid, lost = (
        set(found.values_list("pk", flat=True)) for found in (AppSignIn.objects.valid(), AppSignIn.objects.lost())
    )
    assert valid.isdisjoint(lost)
    assert valid | lost == set(AppSignIn.objects.unended().values_list("pk", flat=True))
    return sign_in.pk in valid


@pytest.fixture
def sign_in(cast):
    """The researcher's, at an application for researchers, beside others that stay valid."""
    make_sign_in(make_application("JupyterHub"), cast.viewer)
    found = make_sign_in(make_application("Grafana", "researcher", "manager"), cast.researcher)
    assert is_valid(found)
    return found


def change(model, pk, **values):
    with explicitly_recorded():
        model.objects.filter(pk=pk).update(**values)


def past():
    return timezone.now() - timedelta(seconds=1)


LOSSES = {
    "locked": lambda sign_in: change(User, sign_in.user_id, locked_at=past()),
    "inactive": lambda sign_in: change(User, sign_in.user_id, is_active=False),
    "deleted": lambda sign_in: change(User, sign_in.user_id, deleted_at=past()),
    "must change the password": lambda sign_in: change(User, sign_in.user_id, must_change_password=True),
    "must add a factor": lambda sign_in: change(User, sign_in.user_id, must_add_factor=True),
    "session ended": lambda sign_in: change(Session, sign_in.session_id, ended_at=past()),
    "session expired": lambda sign_in: change(Session, sign_in.session_id, expires_at=past()),
    "session of someone else": lambda sign_in: change(
        Session, sign_in.session_id, user=User.objects.get(username="the-viewer")
    ),
    "role taken": lambda sign_in: sign_in.user.roles.clear(),
    "application inactive": lambda sign_in: change(Application, sign_in.application_id, is_active=False),
    "opened to others": lambda sign_in: sign_in.application.roles.set(Role.objects.filter(slug="manager")),
    # Its roles are gone by another way than the service's, which would say that it is for everybody.
    "no role left": lambda sign_in: sign_in.application.roles.clear(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_sign_in_counts_no_more_once_anything_that_it_hangs_on_is_gone(sign_in, loss):
    with explicitly_recorded():
        LOSSES[loss](sign_in)
    assert not is_valid(sign_in)


def test_an_ended_sign_in_is_neither_valid_nor_lost(sign_in):
    change(AppSignIn, sign_in.pk, ended_at=past())
    assert not is_valid(sign_in)
    assert not AppSignIn.objects.lost().exists()


def test_what_comes_back_counts_again_unless_it_was_marked_as_ended(cast, sign_in):
    change(User, cast.researcher.pk, is_active=False)
    assert not is_valid(sign_in)
    change(User, cast.researcher.pk, is_active=True)
    assert is_valid(sign_in)


def test_an_application_without_roles_is_open_to_those_without_roles_too(cast):
    application = make_application("Wiki")
    assert is_valid(make_sign_in(application, cast.stranger))
    assert application.is_open_to(cast.stranger)
    assert Application.objects.open_to(cast.stranger).get() == application


def test_one_of_several_roles_opens_it(cast):
    application = make_application("Grafana", "researcher", "manager")
    assert is_valid(make_sign_in(application, cast.manager))
    assert not is_valid(make_sign_in(application, cast.viewer))
    assert application.is_open_to(cast.manager)
    assert not application.is_open_to(cast.viewer)
    # Not even those who may do everything here: who opens a program is another question.
    assert not application.is_open_to(cast.super_admin)
    assert {*Application.objects.open_to(cast.manager)} == {application}
    assert not Application.objects.open_to(cast.super_admin).exists()


def test_a_role_that_vanishes_opens_its_application_to_nobody(cast):
    role = create_role(actor=SYSTEM, name="Night shift")
    person = make_user("night", "Night shift")
    application = make_application("Grafana", "night_shift")
    sign_in = make_sign_in(application, person)
    assert is_valid(sign_in)
    with explicitly_recorded():
        Role.objects.get(pk=role.pk).delete()
    assert not is_valid(sign_in)
    assert not Application.objects.open_to(cast.stranger).exists()
    assert not Application.objects.get().is_open_to(cast.stranger)


def test_services_end_it_at_once(cast, sign_in):
    lock_user(actor=SYSTEM, user_id=cast.researcher.pk)
    assert not is_valid(sign_in)
    # Its session ended with the lock.
    unlock_user(actor=SYSTEM, user_id=cast.researcher.pk)
    assert not is_valid(sign_in)
    again = make_sign_in(sign_in.application, cast.researcher)
    update_user(actor=SYSTEM, user_id=cast.researcher.pk, roles=["Viewer"])
    assert not is_valid(again)
    update_user(actor=SYSTEM, user_id=cast.researcher.pk, roles=["Researcher"])
    assert is_valid(again)
    end_session(actor=SYSTEM, session_id=again.session_id)
    assert not is_valid(again)
    last = make_sign_in(sign_in.application, cast.researcher)
    delete_user(actor=SYSTEM, user_id=cast.researcher.pk)
    assert not is_valid(last)


def test_a_session_of_an_application_outlives_the_page_session(cast):
    application, page = make_application("Grafana"), make_session(cast.viewer)
    stays = make_sign_in(application, cast.viewer, make_session(cast.viewer, Session.Kind.APP))
    goes = make_sign_in(application, cast.viewer, page)
    change(Session, page.pk, ended_at=past())
    assert is_valid(stays)
    assert not is_valid(goes)


def test_an_application_acts_by_itself_only_as_its_own_service_account_and_until_the_token_expires(cast):
    robot, other = (make_user(name, is_service=True, password=None) for name in ("robot", "other"))
    application = make_application("LIMS", "manager", service_account=robot)
    soon = timezone.now() + timedelta(minutes=5)
    with explicitly_recorded():
        by_itself, forged, person, expired = (
            AppSignIn.objects.create(application=application, user=user, access_expires_at=expires_at)
            for user, expires_at in ((robot, soon), (other, soon), (cast.manager, soon), (robot, past()))
        )
    assert is_valid(by_itself)
    assert not any(map(is_valid, (forged, person, expired)))
    change(User, robot.pk, is_active=False)
    assert not is_valid(by_itself)


def test_a_query_that_was_built_long_ago_asks_for_the_present(cast, sign_in, monkeypatch):
    """Services build it once."""
    robot = make_user("robot", is_service=True, password=None)
    application = make_application("LIMS", service_account=robot)
    with explicitly_recorded():
        by_itself = AppSignIn.objects.create(
            application=application, user=robot, access_expires_at=timezone.now() + timedelta(hours=1)
        )
    valid, lost = AppSignIn.objects.valid().order_by("created_at"), AppSignIn.objects.lost_by_state()
    assert {sign_in, by_itself} <= set(valid)
    assert not lost.exists()
    later = timezone.now() + timedelta(days=400)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert not valid.all().exists()
    assert sign_in in lost.all()


def test_validity_is_one_query_that_finds_a_token_by_its_index(cast, sign_in):
    change(AppSignIn, sign_in.pk, access_hash="a" * 64)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert AppSignIn.objects.valid().select_related("user", "session", "application").get(access_hash="a" * 64)
    assert len(queries) == 1


def test_who_is_signed_in_is_counted_by_person(cast, sign_in):
    make_sign_in(sign_in.application, cast.researcher)
    make_sign_in(sign_in.application, cast.manager)
    make_sign_in(sign_in.application, cast.viewer)  # no role of theirs opens it, so that it ends
    assert end_lost_sign_ins() == 1
    robot = make_user("robot", is_service=True, password=None)  # the application itself
    change(Application, sign_in.application_id, service_account=robot)
    with explicitly_recorded():
        AppSignIn.objects.create(
            application=sign_in.application, user=robot, access_expires_at=timezone.now() + timedelta(minutes=5)
        )
    assert AppSignIn.objects.valid().filter(user=robot).exists()
    counted = Application.objects.with_sign_in_count().get(pk=sign_in.application_id)
    assert counted.sign_in_count == 2
