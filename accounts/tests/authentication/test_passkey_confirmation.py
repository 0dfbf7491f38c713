"""A passkey in place of the password, where people who are signed in are asked who they are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.mfa import services as mfa_services
from accounts.mfa import webauthn
from accounts.mfa.webauthn import Challenge
from accounts.models import Session
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import page_client
from reprotech.tests.support.mfa_devices import Key

pytestmark = pytest.mark.django_db

CONFIRM = "/profile/security/confirm"
PROGRAM = "/oauth/authorize?state=x"


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://lab.example"


def give_key(user):
    """A passkey of the user, set up in the newest session."""
    key, challenge = Key(), Challenge.new("registration")
    answer = key.register(webauthn.registration_options(user, [], challenge.value))
    session = Session.objects.filter(user=user).latest("created_at")
    mfa_services.add_passkey(actor=user, session_id=session.pk, name="Key", answer=answer, challenge=challenge)
    return key


@pytest.fixture
def me(cast):
    return page_client(cast.viewer)


@pytest.fixture
def key(cast, me, origin):
    key = give_key(cast.viewer)
    Session.objects.update(confirmed_at=timezone.now() - timedelta(hours=1))
    return key


def answer_of(key, browser, **options):
    return key.sign(browser.post(f"{CONFIRM}/options").json(), **options)


def confirm(browser, answer, target=PROGRAM):
    return browser.post(f"{CONFIRM}/passkey", {"answer": answer, "next": target})


def test_it_renews_the_session_and_leads_on(me, key):
    page = me.get(f"{CONFIRM}?next={PROGRAM}").content.decode()
    assert f'action="{CONFIRM}/passkey"' in page
    assert confirm(me, answer_of(key, me))["Refresh"] == f"0; url={PROGRAM}"
    session = Session.objects.get()
    assert session.is_fresh
    assert session.authentication_methods == ["password", "passkey"]
    assert me.get("/profile/security/app").status_code == 200


def test_who_has_none_is_offered_none(me):
    assert "data-passkey=" not in me.get(CONFIRM).content.decode()


def test_an_answer_counts_once(me, key):
    answer = answer_of(key, me)
    assert confirm(me, answer).status_code == 200
    Session.objects.update(confirmed_at=None)
    refused = confirm(me, answer)
    assert refused.status_code == 422
    assert "That took too long. Try again." in refused.content.decode()
    assert not Session.objects.get().is_fresh


def test_a_passkey_that_was_not_unlocked_is_refused_on_record(me, key):
    answer = answer_of(key, me, flags=0x01)
    with audit_rows() as rows:
        refused = confirm(me, answer)
    assert refused.status_code == 422
    assert "The passkey was not accepted. Try again, or type your password." in refused.content.decode()
    assert f'name="next" value="{PROGRAM}"' in refused.content.decode()
    assert [(row.action, row.resource, row.success) for row in rows] == [("login", "auth", False)]
    assert not Session.objects.get().is_fresh


def test_someone_elses_passkey_is_refused(cast, me, key, origin):
    page_client(cast.manager)
    theirs = give_key(cast.manager)
    assert confirm(me, answer_of(theirs, me)).status_code == 422
    assert not Session.objects.get(user=cast.viewer).is_fresh


def test_a_challenge_of_another_purpose_is_refused(me, key):
    asked = me.post("/login/passkey/options").json()
    assert confirm(me, key.sign(asked)).status_code == 422


def test_over_a_page_it_lets_the_page_go_on(me, key, cast):
    headers = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "session-dialog", "HTTP_X_PAGE_USER": str(cast.viewer.pk)}
    answer = me.post(f"{CONFIRM}/passkey", {"answer": answer_of(key, me)}, **headers)
    assert (answer.status_code, answer["HX-Trigger"]) == (204, "session-ready")
