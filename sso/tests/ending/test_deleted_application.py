"""An application that is deleted: people are signed out of it, and it still gets the notices that it is owed."""

import pytest
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditLog
from reprotech.testing.client import page_client
from sso.applications.services import delete_application
from sso.ending.delivery import deliver_due
from sso.ending.services import end_sign_in
from sso.keys.services import read_own_token
from sso.models import Application, AppSignIn, LogoutNotice
from sso.sign_ins.notices import session_claim
from sso.tests.support.program import change, make_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(cast, receiver):
    return make_program(backchannel_logout_uri=receiver.address, signing_alg="ES256", offline_access=True)


@pytest.fixture
def browser(cast):
    return page_client(cast.researcher)


def delete(cast, program):
    delete_application(actor=cast.super_admin, application_id=program.application.pk)


def test_its_program_is_notified_after_it_is_gone(cast, receiver, program, browser):
    tokens = program.tokens(browser)
    sign_in = AppSignIn.objects.select_related("user__subject").get()
    delete(cast, program)
    assert not Application.objects.exists()
    assert not AppSignIn.objects.exists()
    assert program.userinfo(tokens["access_token"]).status_code == 401
    assert program.refresh(tokens["refresh_token"]).status_code == 401
    assert deliver_due() == 1
    claims = read_own_token(receiver.tokens[0])
    assert claims["aud"] == program.application.client_id
    assert claims["sub"] == str(sign_in.user.subject.value)
    assert claims["sid"] == session_claim(sign_in.session_id, program.application)
    ended = AuditLog.objects.get(action="logout", resource="application")
    assert (ended.user_id, ended.details["reason"]) == (cast.super_admin.pk, "application_deleted")
    assert ended.details["owner_id"] == cast.researcher.pk


def test_sessions_that_only_it_had_end_with_it(cast, program, browser):
    program.tokens(browser, scope="openid offline_access")
    assert Session.objects.get(kind=Session.Kind.APP).ended_at is None
    delete(cast, program)
    assert Session.objects.get(kind=Session.Kind.APP).ended_at is not None
    assert browser.get("/profile").status_code == 200, "the page session goes on"


def test_what_waited_already_is_sent_to_the_last_address(cast, receiver, program, browser):
    program.tokens(browser)
    change(program.application, backchannel_logout_uri="http://127.0.0.1:9/away")
    end_sign_in(actor=cast.super_admin, sign_in_id=AppSignIn.objects.get().pk)
    assert deliver_due() == 0
    change(program.application, backchannel_logout_uri=receiver.address)
    delete(cast, program)
    notice = LogoutNotice.objects.get()
    assert (notice.application, notice.name, notice.address) == (None, "Grafana", receiver.address)
    LogoutNotice.objects.update(due_at=timezone.now())
    assert deliver_due() == 1


def test_one_that_takes_no_notices_or_got_nothing_is_sent_none(cast, program, browser):
    program.code(browser)  # never redeemed
    delete(cast, program)
    assert not LogoutNotice.objects.exists()


def test_a_deletion_that_fails_ends_nothing(cast, program, browser, monkeypatch):
    program.tokens(browser)
    monkeypatch.setattr(Application, "delete", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        delete(cast, program)
    assert AppSignIn.objects.valid().exists()
    assert not LogoutNotice.objects.exists()


def test_the_same_in_django_admin_and_by_the_api(cast, receiver, browser, super_admin):
    for number, call in enumerate(
        (
            lambda pk: super_admin.delete(f"/api/applications/{pk}"),
            lambda pk: page_client(cast.super_admin).post(f"/admin/sso/application/{pk}/delete/", {"post": "yes"}),
            lambda pk: page_client(cast.super_admin).post(f"/applications/{pk}/delete"),
        )
    ):
        program = make_program(f"Program {number}", backchannel_logout_uri=receiver.address)
        program.tokens(browser)
        assert call(program.application.pk).status_code in {200, 302}
        assert deliver_due() == 1
    assert len(receiver.tokens) == 3
