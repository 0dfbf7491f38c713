"""Over a page whose session has ended one signs in again; what was typed is sent in nobody else's name."""

import pytest
from django.test import Client

from accounts.models import Session, User
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import page_client
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db


def by_dialog(user):
    """What the dialog over a page of this user sends along."""
    return {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "session-dialog", "HTTP_X_PAGE_USER": str(user.pk)}


def by_form(user):
    return {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "main", "HTTP_X_PAGE_USER": str(user.pk)}


def text(response):
    return response.content.decode()


def test_the_owner_of_the_page_goes_on(cast, client):
    asked = client.get("/login", **by_dialog(cast.viewer))
    assert text(asked).lstrip().startswith('<div id="session-content">')
    assert 'id="id_session_password"' in text(asked)
    wrong = client.post("/login", {"username": "the-viewer", "password": "wrong"}, **by_dialog(cast.viewer))
    assert (wrong.status_code, "Incorrect username or password." in text(wrong)) == (422, True)
    right = client.post("/login", {"username": "the-viewer", "password": PASSWORD}, **by_dialog(cast.viewer))
    assert (right.status_code, right["HX-Trigger"]) == (204, "session-ready")
    assert client.get("/profile", **by_form(cast.viewer)).status_code == 200


def test_someone_else_is_told_and_sends_nothing(cast, client):
    signed_in = client.post("/login", {"username": "the-admin", "password": PASSWORD}, **by_dialog(cast.super_admin))
    assert signed_in.status_code == 200
    assert "HX-Trigger" not in signed_in
    assert "You are signed in as the-admin" in text(signed_in)
    typed = {"username": "newcomer", "email": "newcomer@lab.example", "access": "invite"}
    with audit_rows() as rows:
        refused = client.post("/users/new", typed, **by_form(cast.super_admin))
    assert refused.status_code == 409
    assert "You are signed in as the-admin now, and this page was opened by someone else." in text(refused)
    assert rows == []
    assert not User.objects.filter(username="newcomer").exists()
    assert client.post("/users/new", typed, **by_form(cast.admin)).status_code == 200


def test_who_signed_in_in_another_tab_meanwhile_goes_on_too(cast):
    browser = page_client(cast.viewer)
    assert browser.get("/login", **by_dialog(cast.viewer))["HX-Trigger"] == "session-ready"
    assert "You are signed in as the-viewer" in text(browser.get("/login", **by_dialog(cast.admin)))


def test_the_second_step_is_asked_for_in_the_dialog(cast, client):
    app = give_app(cast.viewer)
    first = client.post("/login", {"username": "the-viewer", "password": PASSWORD}, **by_dialog(cast.viewer))
    assert first.url == "/login/verify"
    step = client.get(first.url, **by_dialog(cast.viewer))
    assert text(step).lstrip().startswith('<div id="session-content"')
    assert 'inputmode="numeric"' in text(step)
    wrong = client.post(first.url, {"code": "000000"}, **by_dialog(cast.viewer))
    assert (wrong.status_code, "<html" in text(wrong)) == (422, False)
    right = client.post(first.url, {"code": app.code()}, **by_dialog(cast.viewer))
    assert (right.status_code, right["HX-Trigger"]) == (204, "session-ready")


def test_the_password_is_confirmed_over_the_form(cast, make_user_fields):
    browser = page_client(cast.admin)
    Session.objects.update(confirmed_at=None)
    asked = browser.post("/users/new", make_user_fields, **by_form(cast.admin))
    assert asked.status_code == 422
    assert (asked["HX-Retarget"], asked["HX-Reselect"]) == ("#session-dialog", "#session-content")
    assert "newcomer" not in text(asked), "the page's form keeps what was typed"
    confirm = "/profile/security/confirm"
    wrong = browser.post(confirm, {"password": "Wrong-Horse-7"}, **by_dialog(cast.admin))
    assert (wrong.status_code, "<html" in text(wrong)) == (422, False)
    assert browser.post(confirm, {"password": PASSWORD}, **by_dialog(cast.manager)).status_code == 409
    right = browser.post(confirm, {"password": PASSWORD}, **by_dialog(cast.admin))
    assert (right.status_code, right["HX-Trigger"]) == (204, "session-ready")
    assert "HX-Redirect" in browser.post("/users/new", make_user_fields, **by_form(cast.admin))


@pytest.fixture
def make_user_fields():
    return {"username": "newcomer", "email": "newcomer@lab.example", "access": "invite", "roles": ["viewer"]}


def test_a_page_of_an_earlier_version_is_asked_in_its_place(cast, make_user_fields):
    browser = page_client(cast.admin)
    Session.objects.update(confirmed_at=None)
    asked = browser.post("/users/new", make_user_fields, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="main")
    assert asked["HX-Retarget"] == "#main"
    assert 'value="newcomer"' in text(asked)


@pytest.mark.parametrize("sent", ["0", "-1", "the-viewer", "9" * 400, "é"])
def test_a_page_of_nobody_known_sends_nothing(cast, sent):
    browser = page_client(cast.viewer)
    answer = browser.get("/profile", HTTP_HX_REQUEST="true", HTTP_X_PAGE_USER=sent)
    assert answer.status_code == 409


def test_without_the_dialog_signing_in_is_as_ever(cast):
    answer = Client().post("/login", {"username": "the-viewer", "password": PASSWORD, "next": "/profile"})
    assert (answer.status_code, answer.url) == (302, "/profile")
