"""Section 3 of the contract: changing and resetting passwords, invitations, forced changes."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.passwords.services import reset_password
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.tests.contract.authentication.test_lockout import login

NEW_PASSWORD = "Other-Horse-8"
CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
MUST_CHANGE = {
    "error": "Change your password first: POST /api/auth/change-password.",
    "code": "password_change_required",
}


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    """Within the block everything happens that a commit would let happen."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def the_link():
    """The path of the link in the only mail."""
    (message,) = mail.outbox
    return re.search(r"^http://127\.0\.0\.1:5001(/set-password/\S+)$", message.body, re.MULTILINE)[1]


def choose(browser, password=NEW_PASSWORD):
    return browser.post("/set-password", {"new_password": password, "repeated": password})


@pytest.mark.parametrize("path", ["/api/auth/change-password", "/api/auth/change-password/"])
def test_a_user_changes_their_password(cast, viewer, path):
    response = viewer.post(path, CHANGE)
    assert (response.status_code, response.json()) == (200, {"message": "Password changed successfully"})
    assert login("the-viewer").status_code == 401
    assert login("the-viewer", NEW_PASSWORD).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_change_ends_the_other_sessions_of_every_kind_and_no_one_elses(cast):
    here, there, someone = Caller(cast.viewer), Caller(cast.viewer), Caller(cast.admin)
    page = page_client(cast.viewer)
    assert {there.get("/api/auth/me").status_code, page.get("/").status_code} == {200}
    here.post("/api/auth/change-password", CHANGE)
    assert there.get("/api/auth/me").status_code == 401
    assert page.get("/").status_code == 302
    assert here.get("/api/auth/me").status_code == 200
    assert someone.get("/api/auth/me").status_code == 200
    row = AuditLog.objects.get(action="password_change")
    assert (row.username, row.success, row.details["ended_sessions"]) == ("the-viewer", True, 2)


def test_a_wrong_current_password_is_refused_on_record(cast, viewer):
    response = viewer.post("/api/auth/change-password", {**CHANGE, "current_password": "Wrong-Horse-7"})
    assert response.status_code == 400
    assert error_of(response)["errors"] == {"current_password": ["This is not your current password."]}
    assert AuditLog.objects.get(action="password_change").success is False
    assert login("the-viewer").status_code == 200


@pytest.mark.parametrize(
    ("new_password", "sentence"),
    [
        (PASSWORD, "Don't use one of your last 5 passwords."),
        ("Ab1!", "Use at least 8 characters."),
        ("no-upper-case-1", "Use an upper-case and a lower-case letter, a digit and a special character."),
        ("NO-LOWER-CASE-1", "Use an upper-case and a lower-case letter, a digit and a special character."),
        ("No-Digit-At-All", "Use an upper-case and a lower-case letter, a digit and a special character."),
        ("NothingSpecial1", "Use an upper-case and a lower-case letter, a digit and a special character."),
        ("Ab1!" * 300, "Ensure this field has no more than 1024 characters."),
    ],
)
def test_a_new_password_must_meet_the_policy(cast, viewer, new_password, sentence):
    response = viewer.post("/api/auth/change-password", {**CHANGE, "new_password": new_password})
    assert response.status_code == 400
    errors = error_of(response)["errors"]
    assert list(errors) == ["new_password"]
    assert sentence in errors["new_password"]
    assert login("the-viewer").status_code == 200


@pytest.mark.parametrize("password", ["The-Viewer-1", "the-viewer-1@Lab.example"])
def test_a_password_is_not_the_username_or_the_address(cast, super_admin, password):
    make_user("The-viewer-1")
    user = User.objects.get(username="The-viewer-1")
    response = super_admin.post(f"/api/users/{user.pk}/reset-password", {"password": password})
    assert response.status_code == 400
    assert error_of(response)["errors"] == {"password": ["Don't use your username or e-mail address."]}


def test_the_sixth_last_password_may_be_used_again(cast):
    current, said = PASSWORD, []
    for new in [*(f"Fresh-Horse-{number}" for number in range(4)), PASSWORD, "Fresh-Horse-4", PASSWORD]:
        body = {"current_password": current, "new_password": new}
        said.append(Caller(cast.viewer).post("/api/auth/change-password", body).status_code)
        current = new if said[-1] == 200 else current
    assert said == [200, 200, 200, 200, 400, 200, 200]


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_reset_with_a_password_must_be_followed_by_a_change(cast, admin, suffix):
    before = Caller(cast.viewer)
    before.token  # noqa: B018 (opens the session)
    path = f"/api/users/{cast.viewer.pk}/reset-password{suffix}"
    response = admin.post(path, {"password": NEW_PASSWORD})
    assert (response.status_code, response.json()) == (200, {"message": "Password reset successfully"})
    assert before.get("/api/auth/me").status_code == 401
    assert login("the-viewer").status_code == 401
    assert login("the-viewer", NEW_PASSWORD).json()["user"]["must_change_password"] is True
    row = AuditLog.objects.get(action="password_reset")
    assert (row.username, row.resource, row.resource_name) == ("the-admin", "user", "the-viewer")
    assert NEW_PASSWORD not in str(row.details)


def test_until_the_password_is_changed_nothing_else_is_open(cast):
    reset_password(actor=SYSTEM, user_id=cast.admin.pk, password=NEW_PASSWORD)
    caller = Caller(User.objects.get(pk=cast.admin.pk))
    for method, path in (("GET", "/api/users"), ("POST", "/api/users"), ("GET", "/api/roles"), ("GET", "/api/audit")):
        response = caller.call(method, path)
        assert (response.status_code, error_of(response)) == (403, MUST_CHANGE)
    assert caller.get("/api/auth/me").status_code == 200
    assert caller.get("/api/auth/sessions").status_code == 200
    body = {"current_password": NEW_PASSWORD, "new_password": "Third-Horse-9"}
    assert caller.post("/api/auth/change-password", body).status_code == 200
    assert caller.get("/api/users").status_code == 200


def test_nobody_resets_their_own_password(cast, admin):
    response = admin.post(f"/api/users/{cast.admin.pk}/reset-password", {"password": NEW_PASSWORD})
    assert (response.status_code, error_of(response)["code"]) == (409, "conflict")
    assert login("the-admin").status_code == 200


def test_a_reset_link_is_mailed_and_sets_a_password_once(cast, admin, on_commit):
    path = f"/api/users/{cast.viewer.pk}/reset-password"
    with on_commit():
        response = admin.post(path, {})
    assert (response.status_code, response.json()) == (200, {"message": "Password reset link sent successfully"})
    assert (mail.outbox[0].to, mail.outbox[0].subject) == (
        ["the-viewer@lab.example"],
        "Reprotech: Choose a new password",
    )
    browser, link = Client(), the_link()
    assert browser.get(link)["Location"] == "/set-password"
    assert b"Choose your password" in browser.get("/set-password").content
    assert choose(browser)["Location"] == "/login"
    assert login("the-viewer", NEW_PASSWORD).json()["user"]["must_change_password"] is False
    again = Client()
    again.get(link)
    refused = choose(again, "Third-Horse-9")
    assert refused.status_code == 422
    assert "There is no such link, or it has expired" in refused.content.decode()
    assert login("the-viewer", NEW_PASSWORD).status_code == 200


def test_the_old_password_is_good_until_the_link_is_used(cast, admin, on_commit):
    with on_commit():
        admin.post(f"/api/users/{cast.viewer.pk}/reset-password", {})
    assert login("the-viewer").status_code == 200


def test_without_a_body_a_reset_sends_a_link_too(cast, admin, on_commit):
    with on_commit():
        assert admin.post(f"/api/users/{cast.viewer.pk}/reset-password").status_code == 200
    assert len(mail.outbox) == 1


def test_a_link_is_not_sent_to_who_is_locked(cast, admin, on_commit):
    admin.post(f"/api/users/{cast.viewer.pk}/lock")
    with on_commit():
        response = admin.post(f"/api/users/{cast.viewer.pk}/reset-password", {})
    sentence = "The account is locked. Unlock it first."
    assert (response.status_code, error_of(response)) == (409, {"error": sentence, "code": "conflict"})
    assert mail.outbox == []


@pytest.mark.parametrize("keep_out", ["lock", "delete"])
def test_a_link_that_was_sent_is_no_way_in_for_who_is_kept_out(cast, admin, on_commit, keep_out):
    path = f"/api/users/{cast.viewer.pk}"
    with on_commit():
        admin.post(f"{path}/reset-password", {})
    assert (admin.post(f"{path}/lock") if keep_out == "lock" else admin.delete(path)).status_code == 200
    browser = Client()
    browser.get(the_link())
    assert choose(browser).status_code == 422


def test_a_user_without_a_password_is_invited_and_chooses_one(cast, super_admin, on_commit):
    body = {"username": "newuser", "email": "new@lab.example", "first_name": "Nora", "roles": ["viewer"]}
    with on_commit():
        response = super_admin.post("/api/users", body)
    assert response.status_code == 201
    assert (mail.outbox[0].to, mail.outbox[0].subject) == (["new@lab.example"], "Reprotech: Your account")
    assert mail.outbox[0].body.startswith("Hello Nora,\n")
    assert "Your username is newuser." in mail.outbox[0].body
    browser = Client()
    browser.get(the_link())
    assert choose(browser, "too-weak").status_code == 422
    assert login("newuser", "too-weak").status_code == 401
    assert choose(browser).status_code == 302
    assert login("newuser", NEW_PASSWORD).status_code == 200


def test_no_mail_is_sent_for_a_user_who_was_not_created(cast, super_admin, on_commit):
    with on_commit():
        body = {"username": "the-viewer", "email": "new@lab.example", "roles": ["viewer"]}
        assert super_admin.post("/api/users", body).status_code == 409
    assert mail.outbox == []


def test_a_link_that_is_too_old_is_refused(cast, admin, on_commit, settings):
    with on_commit():
        admin.post(f"/api/users/{cast.viewer.pk}/reset-password", {})
    settings.PASSWORD_RESET_TIMEOUT = -1
    browser = Client()
    browser.get(the_link())
    assert choose(browser).status_code == 422
    assert login("the-viewer").status_code == 200


@pytest.mark.parametrize("link", ["/set-password/MQ/x", "/set-password/___/abc-def", "/set-password/OTk5OTk5/abc-def"])
def test_a_link_that_nobody_sent_is_refused(cast, link):
    browser = Client()
    assert browser.get(link).status_code == 302
    assert choose(browser).status_code == 422


def test_the_links_of_two_users_cannot_be_mixed(cast, admin, on_commit):
    with on_commit():
        admin.post(f"/api/users/{cast.viewer.pk}/reset-password", {})
    theirs = the_link().split("/")
    mail.outbox.clear()
    with on_commit():
        admin.post(f"/api/users/{cast.manager.pk}/reset-password", {})
    mine = the_link().split("/")
    browser = Client()
    browser.get(f"/set-password/{theirs[2]}/{mine[3]}")
    assert choose(browser).status_code == 422
