"""Passwords come whole, as typed, pasted or filled in, and password managers find their way."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.notifications.links import reset_tokens
from accounts.passwords import services as password_services
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.tests.contract.authentication.test_lockout import login
from reprotech.tests.support.mfa_devices import give_app

LONG = "Aa1-" + "long horse é 馬 " * 20


@pytest.fixture
def stored(cast):
    return lambda: User.objects.get(pk=cast.viewer.pk)


@pytest.mark.parametrize("length", [73, 128, 200, 1024])
def test_passwords_that_differ_at_the_end_alone_are_different(cast, stored, length):
    password = (LONG * 20)[: length - 1] + "x"
    other = password[:-1] + "y"
    answer = Caller(cast.viewer).post(
        "/api/auth/change-password", {"current_password": PASSWORD, "new_password": password}
    )
    assert answer.status_code == 200
    assert stored().check_password(password)
    for wrong in (other, password[:-1], password + "x", password[:72]):
        assert not stored().check_password(wrong)
    assert (login("the-viewer", password).status_code, login("the-viewer", other).status_code) == (200, 401)


def test_one_that_is_too_long_is_refused_with_a_sentence_and_never_cut(cast, stored):
    browser, password = page_client(cast.viewer), "Aa1-" + "x" * 1021
    page = browser.post("/password", {"current_password": PASSWORD, "new_password": password, "repeated": password})
    assert page.status_code == 422
    assert "Use at most 1024 characters." in page.content.decode()
    assert stored().check_password(PASSWORD)


@pytest.mark.parametrize("odd", ["\x00", "\ud800"])
def test_what_can_not_be_a_password_is_refused_and_not_cut_there(cast, viewer, stored, odd):
    body = {"current_password": PASSWORD, "new_password": f"Aa1-{odd}-Horse"}
    assert viewer.post("/api/auth/change-password", body).status_code == 400
    typed = {"current_password": PASSWORD, "new_password": f"Aa1-{odd}-Horse", "repeated": f"Aa1-{odd}-Horse"}
    if odd == "\x00":  # a form is UTF-8, which has no surrogates
        assert page_client(cast.viewer).post("/password", typed).status_code == 422
    assert login("the-viewer", f"{PASSWORD}{odd}").status_code in (400, 401)
    assert stored().check_password(PASSWORD)


@pytest.mark.parametrize("password", [" Leading-Horse-1", "Trailing-Horse-1 ", "Two  Spaces-1", "Ünïcode-Pferd-1 🐎"])
def test_spaces_and_every_script_stay_as_they_are(cast, stored, password):
    browser = page_client(cast.viewer)
    answer = browser.post("/password", {"current_password": PASSWORD, "new_password": password, "repeated": password})
    assert answer.status_code == 302
    assert stored().check_password(password)
    assert not stored().check_password(password.strip() + "x")


@pytest.mark.parametrize(
    ("password", "is_refused"),
    [
        ("Rule-Tester7!", True),
        ("!!rule-TESTER7", True),
        ("Rule-tester7Rule-tester7!A", True),
        ("Rule-tester7@lab.example!A1", True),
        ("Rule-Tester7-on-a-Horse", False),
    ],
)
def test_a_password_is_not_the_name_with_hardly_anything_around_it(cast, password, is_refused):
    user = make_user("rule-tester7", "viewer")
    refusal = None
    try:
        password_services.check_password_rules(user, password, field="password")
    except ValidationFailed as found:
        refusal = found.errors
    assert refusal == ({"password": ["Don't use your username or e-mail address."]} if is_refused else None)


@pytest.mark.parametrize("password", ["Password1!", "P@ssw0rd"])
def test_a_common_password_is_refused(cast, viewer, password):
    answer = viewer.post("/api/auth/change-password", {"current_password": PASSWORD, "new_password": password})
    assert answer.status_code == 400
    assert "This password is too common." in error_of(answer)["errors"]["new_password"]


# Hash cost


def test_the_cost_is_twelve_outside_of_tests():
    import subprocess
    import sys

    code = "from django.contrib.auth.hashers import BCryptSHA256PasswordHasher as H; print(H.rounds)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "12\n"


def test_a_raised_cost_reaches_a_password_at_its_next_use_and_the_history_still_counts(cast, stored, monkeypatch):
    before = stored().password
    monkeypatch.setattr(BCryptSHA256PasswordHasher, "rounds", BCryptSHA256PasswordHasher.rounds + 1)
    assert login("the-viewer", "Wrong-Horse-1").status_code == 401
    assert stored().password == before
    assert login("the-viewer").status_code == 200
    after = stored().password
    assert (before.split("$")[3], after.split("$")[3]) == ("04", "05")
    assert login("the-viewer").status_code == 200
    assert stored().password == after
    answer = Caller(cast.viewer).post(
        "/api/auth/change-password", {"current_password": PASSWORD, "new_password": PASSWORD}
    )
    assert answer.status_code == 400


# Forms


class Inputs(HTMLParser):
    """The fields of a page that a person fills in, by name: their attributes."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "input" and attributes.get("type") in {"text", "password", "email"}:
            self.fields[attributes.get("name")] = attributes


def fields(browser, path):
    # The palette's field, which each page has, belongs to no form.
    forms = browser.get(path).content.decode().partition("<main")[2].partition("</main>")[0]
    return {name: found.get("autocomplete") for name, found in Inputs(forms).fields.items()}


def test_password_managers_are_shown_what_each_field_is(cast):
    anonymous, linked = Client(), Client()
    assert fields(anonymous, "/login") == {"username": "username", "password": "current-password"}
    assert fields(anonymous, "/forgot-password") == {"username": "username"}
    user = User.objects.get(pk=cast.viewer.pk)
    linked.get(f"/set-password/{link_of(user)}")
    new = {"new_password": "new-password", "repeated": "new-password"}
    assert fields(linked, "/set-password") == {None: "username", **new}
    browser = page_client(cast.viewer)
    assert fields(browser, "/password") == {None: "username", "current_password": "current-password", **new}
    assert fields(browser, "/profile/email") == {"email": "email"}
    assert fields(browser, "/profile/security/confirm")["password"] == "current-password"
    assert fields(page_client(cast.admin), f"/users/{cast.viewer.pk}/reset-password") == {"password": "new-password"}
    give_app(cast.manager)
    half = Client()
    half.post("/login", {"username": "the-manager", "password": PASSWORD})
    # The app's code, and folded below it a recovery code, which no program fills in.
    page = half.get("/login/verify").content.decode()
    assert page.count('autocomplete="one-time-code"') == 1
    assert fields(half, "/login/verify")["code"] == "off"


def link_of(user):
    from django.utils.http import urlsafe_base64_encode

    return f"{urlsafe_base64_encode(str(user.pk).encode())}/{reset_tokens.make_token(user)}"


def test_no_browser_cuts_a_password_that_is_pasted(cast):
    page = page_client(cast.viewer).get("/password").content.decode()
    found = [field for field in Inputs(page).fields.values() if field["type"] == "password"]
    assert len(found) == 3
    assert not any("maxlength" in field or "onpaste" in field or "readonly" in field for field in found)


def test_browsers_and_password_managers_find_the_page_to_change_it(cast):
    assert Client().get("/.well-known/change-password")["Location"] == "/password"
    assert (
        Client().get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").status_code
        == 404
    )
    page = page_client(cast.viewer).get("/.well-known/change-password", follow=True)
    assert b"Change your password" in page.content


# Notices


def test_a_change_is_notified_by_mail_and_a_first_choice_is_not(cast, django_capture_on_commit_callbacks):
    def mails_of(change):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        return [re.sub(r"\s+", " ", message.body) for message in mail.outbox]

    def by_link(user, password):
        user = User.objects.get(pk=user.pk)
        return lambda: password_services.set_password_by_link(
            user_id=user.pk, link_token=reset_tokens.make_token(user), new_password=password
        )

    own = mails_of(
        lambda: password_services.change_password(
            actor=cast.viewer, current_password=PASSWORD, new_password="Aa-Horse-1"
        )
    )
    linked = mails_of(by_link(cast.viewer, "Aa-Horse-2"))
    reset = mails_of(
        lambda: password_services.reset_password(actor=cast.admin, user_id=cast.viewer.pk, password="Aa-Horse-3")
    )
    assert [len(found) for found in (own, linked, reset)] == [1, 1, 1]
    assert "the password of your account the-viewer was changed. All its other sessions have ended." in own[0]
    assert "with a link that we mailed to you. All its sessions have ended, and its API keys are revoked." in linked[0]
    assert "an administrator set a new password for your account the-viewer." in reset[0]
    assert "Horse" not in f"{own}{linked}{reset}"
    newcomer = make_user("newcomer", "viewer", password=None)
    assert mails_of(by_link(newcomer, "Aa-Horse-4")) == []
