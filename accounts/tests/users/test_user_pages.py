"""A user's page, the forms to create and change one, and the pages that ask before something is done; no JavaScript."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Session, User
from accounts.users.services import create_user, lock_user, update_user
from audit.models import AuditLog
from reprotech.testing.cast import NOBODY, PASSWORD, audit_rows
from reprotech.testing.client import page_client

NEW = {"username": "newcomer", "email": "newcomer@lab.example", "first_name": "New", "last_name": "Comer"}


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return " ".join(response.content.decode().split())


def goes_to(response):
    assert response.status_code == 302, text_of(response)
    return response["Location"]


def test_a_user_is_invited(browser, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = browser.post("/users/new", {**NEW, "roles": ["viewer", "researcher"], "access": "invite"})
    person = User.objects.get(username="newcomer")
    assert goes_to(response) == f"/users/{person.pk}"
    assert [role.slug for role in person.roles.all()] == ["researcher", "viewer"]
    assert not person.has_usable_password()
    assert [message.to for message in mail.outbox] == [["newcomer@lab.example"]]
    assert "User newcomer created. An invitation is on its way" in text_of(browser.get(f"/users/{person.pk}"))


@pytest.mark.parametrize("must_change", [True, False])
def test_a_user_gets_a_password(browser, must_change):
    typed = {
        **NEW,
        "access": "password",
        "password": PASSWORD,
        **({"must_change_password": "on"} if must_change else {}),
    }
    goes_to(browser.post("/users/new", typed))
    person = User.objects.get(username="newcomer")
    assert person.check_password(PASSWORD)
    assert person.must_change_password is must_change
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"username": "ab"}, "username", "Use at least 3 characters."),
        ({"username": "THE-viewer"}, "username", "This username is taken."),
        ({"email": "no-address"}, "email", "Enter a valid e-mail address."),
        ({"email": "the-viewer@lab.example"}, "email", "This e-mail address is taken."),
        ({"access": "password", "password": "short"}, "password", "Use at least 8 characters."),
        ({"access": "password", "password": ""}, "password", "Give a password, or send an invitation."),
        ({"roles": ["king"]}, "roles", "There is no role king any more."),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_is_kept(browser, typed, field, sentence):
    response = browser.post("/users/new", {**NEW, "access": "invite", "roles": ["viewer"], **typed})
    page = text_of(response)
    assert response.status_code == 422
    assert sentence in re.search(rf'id="id_{field}_error">(.*?)</div>', page, re.DOTALL)[1]
    assert 'value="New"' in page
    assert not User.objects.filter(email="newcomer@lab.example").exists()
    if "roles" not in typed:
        assert 'value="viewer" checked' in page


def test_all_that_is_wrong_is_said_in_one_round(browser):
    typed = {**NEW, "username": "a b", "email": "nowhere", "access": "password", "password": "abc"}
    response = browser.post("/users/new", typed)
    page = text_of(response)
    assert response.status_code == 422
    for field, sentence in {
        "username": "Use letters (a to z), digits and . - _ @ + only.",
        "email": "Enter a valid e-mail address.",
        "password": "Use at least 8 characters.",
    }.items():
        assert sentence in re.search(rf'id="id_{field}_error">(.*?)</div>', page, re.DOTALL)[1]
        assert f'href="#id_{field}"' in page
    assert "abc" not in page


def test_taken_names_are_said_together_with_the_rest(browser):
    typed = {**NEW, "username": "the-viewer", "email": "nowhere", "first_name": "x" * 51, "access": "invite"}
    assert set(re.findall(r'id="id_(\w+)_error"', text_of(browser.post("/users/new", typed)))) == {
        "username",
        "email",
        "first_name",
    }


@pytest.mark.parametrize(("access", "asked"), [("password", True), ("invite", False)])
def test_a_good_password_that_is_not_kept_is_asked_for_again(browser, access, asked):
    typed = {**NEW, "username": "the-viewer", "access": access, "password": PASSWORD}
    page = text_of(browser.post("/users/new", typed))
    assert ("Type the password again" in page) is asked
    assert PASSWORD not in page


def test_a_role_beyond_the_readers_own_is_shown_but_not_given(cast, browser):
    page = text_of(browser.get("/users/new"))
    assert re.search(r'value="super_admin"\s+disabled', page)
    assert "You can't assign it: it holds role_delete, settings_update, which you don't." in page
    with audit_rows() as rows:
        response = browser.post("/users/new", {**NEW, "access": "invite", "roles": ["super_admin"]})
    assert response.status_code == 422
    assert "This needs the permission role_delete, which you don&#x27;t hold." in text_of(response)
    assert [row.action for row in rows] == ["access_denied"]
    assert not User.objects.filter(username="newcomer").exists()


def test_a_user_is_changed(cast, browser):
    typed = {"username": "the-viewer", "email": "other@lab.example", "first_name": "New", "last_name": "Comer"}
    path = f"/users/{cast.viewer.pk}/edit"
    with audit_rows() as rows:
        response = browser.post(path, {**typed, "roles": ["researcher"], "next": "/users?role=viewer"})
    assert goes_to(response) == "/users?role=viewer"
    person = User.objects.get(pk=cast.viewer.pk)
    assert (person.email, person.full_name) == ("other@lab.example", "New Comer")
    assert [role.slug for role in person.roles.all()] == ["researcher"]
    assert [row.action for row in rows] == ["update", "role_assign", "role_revoke"]


def test_the_form_of_a_user_holds_what_is_stored(cast, browser):
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/edit"))
    assert 'value="the-viewer@lab.example"' in page
    assert 'value="viewer" checked' in page


def test_foreign_addresses_are_nowhere_to_go_next(cast, browser):
    path = f"/users/{cast.viewer.pk}/lock"
    asked = text_of(browser.get(f"{path}?next=https://evil.example/"))
    assert "evil.example" not in asked.partition("<main")[2]
    assert goes_to(browser.post(path, {"next": "//evil.example"})) == f"/users/{cast.viewer.pk}"


@pytest.mark.parametrize("step", ["edit", "lock", "unlock", "deactivate", "activate", "delete", "reset-password"])
def test_who_holds_more_is_out_of_reach(cast, browser, step):
    path = f"/users/{cast.super_admin.pk}/{step}"
    assert "it holds more than you do (role_delete, settings_update)" in text_of(browser.get(path))
    typed = {"username": "x-x", "email": "x@lab.example", "access": "password", "password": "Other-Horse-8"}
    before = User.objects.filter(pk=cast.super_admin.pk).values().get()
    with audit_rows() as rows:
        response = browser.post(path, typed)
    assert response.status_code == 422
    assert "This needs the permission role_delete" in text_of(response)
    assert [(row.action, row.resource_name) for row in rows] == [("access_denied", "the-super_admin")]
    assert User.objects.filter(pk=cast.super_admin.pk).values().get() == before


STEPS = [
    ("lock", "User the-viewer locked.", lambda user: user.is_locked),
    ("deactivate", "User the-viewer deactivated.", lambda user: not user.is_active),
    ("delete", "User the-viewer deleted.", lambda user: user.deleted_at is not None),
]


@pytest.mark.parametrize(("step", "sentence", "is_done"), STEPS)
def test_a_page_asks_naming_the_user_and_a_post_does_it(cast, browser, step, sentence, is_done):
    path = f"/users/{cast.viewer.pk}/{step}"
    asked = text_of(browser.get(path))
    assert f">{step.capitalize()} the-viewer?</h1>" in asked
    assert "the-viewer@lab.example" in asked
    assert not is_done(User.objects.get(pk=cast.viewer.pk))
    with audit_rows() as rows:
        target = goes_to(browser.post(path))
    assert target == ("/users" if step == "delete" else f"/users/{cast.viewer.pk}")
    assert is_done(User.objects.get(pk=cast.viewer.pk))
    assert len(rows) == 1
    assert sentence in text_of(browser.get(target))


def test_what_was_done_is_undone(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, is_active=False)
    for step in ("unlock", "activate"):
        goes_to(browser.post(f"/users/{cast.viewer.pk}/{step}"))
    assert User.objects.get(pk=cast.viewer.pk).can_sign_in


@pytest.mark.parametrize("step", ["lock", "deactivate", "delete"])
def test_nobody_locks_themselves_out(cast, browser, step):
    response = browser.post(f"/users/{cast.admin.pk}/{step}")
    assert response.status_code == 422
    assert f"You can&#x27;t {step} your own account." in text_of(response)
    assert User.objects.get(pk=cast.admin.pk).can_sign_in


def test_a_reset_link_is_mailed(cast, browser, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        target = goes_to(browser.post(f"/users/{cast.viewer.pk}/reset-password", {"access": "invite"}))
    assert [message.to for message in mail.outbox] == [["the-viewer@lab.example"]]
    assert "on its way to the-viewer@lab.example" in text_of(browser.get(target))


def test_a_password_is_set_that_must_be_changed(cast, browser):
    path = f"/users/{cast.viewer.pk}/reset-password"
    refused = browser.post(path, {"access": "password", "password": "short"})
    assert refused.status_code == 422
    assert "Use at least 8 characters." in text_of(refused)
    goes_to(browser.post(path, {"access": "password", "password": "Other-Horse-8"}))
    person = User.objects.get(pk=cast.viewer.pk)
    assert person.check_password("Other-Horse-8")
    assert person.must_change_password


def test_a_link_to_a_locked_account_is_refused_with_the_reason(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    response = browser.post(f"/users/{cast.viewer.pk}/reset-password", {"access": "invite"})
    assert response.status_code == 422
    assert "The account is locked. Unlock it first." in text_of(response)


def test_the_page_tells_where_each_permission_comes_from(cast, browser):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["viewer", "lab_technician"])
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/access"))
    sample = re.search(r'rowspan="2">Sample</th>(.*?)</tbody>', page, re.DOTALL)[1]
    words = re.sub(r"<[^>]+>|\s+", " ", sample).split()
    assert " ".join(words) == "Create Update Laboratory Technician Read Laboratory Technician, Viewer"


def open_session(user):
    return Session.objects.create(user=user, kind="token", expires_at=timezone.now() + timedelta(days=1))


def test_a_session_is_ended_from_the_users_page(cast, browser):
    session = open_session(cast.viewer)
    end = f"/users/{cast.viewer.pk}/sessions/{session.pk}/end"
    assert f'action="{end}"' in text_of(browser.get(f"/users/{cast.viewer.pk}/sessions"))
    assert goes_to(browser.post(end)) == f"/users/{cast.viewer.pk}/sessions"
    session.refresh_from_db()
    assert session.end_reason == "revoked"
    assert browser.post(end).status_code == 404


def test_a_session_is_ended_only_by_who_may(cast):
    session = open_session(cast.viewer)
    browser = page_client(cast.manager)
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/sessions"))
    assert "Active sessions" in page
    assert f"/sessions/{session.pk}/end" not in page
    assert browser.post(f"/users/{cast.viewer.pk}/sessions/{session.pk}/end").status_code == 403
    session.refresh_from_db()
    assert session.is_alive


def test_a_session_of_another_user_is_not_found_under_this_one(cast, browser):
    session = open_session(cast.researcher)
    assert browser.post(f"/users/{cast.viewer.pk}/sessions/{session.pk}/end").status_code == 404


def test_the_page_shows_events_of_and_about_the_user(cast, browser):
    page_client(cast.viewer)
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/activity"))
    assert "the-viewer</a> signed in" in page
    assert "<strong>system</strong> locked <a" in page
    assert f"/audit?involving={cast.viewer.pk}" in page
    newest = AuditLog.objects.latest_around(cast.viewer.pk, 2)
    assert [row.action for row in newest] == ["lock", "login"]


def test_sessions_and_events_are_hidden_from_who_may_only_read_users(cast):
    from accounts.roles.services import create_role

    create_role(actor=SYSTEM, name="Porter", permissions=["user_read"])
    porter = create_user(
        actor=SYSTEM, username="porter", email="porter@lab.example", password=PASSWORD, roles=["porter"]
    )
    browser = page_client(porter)
    page = text_of(browser.get(f"/users/{cast.viewer.pk}"))
    tabs = re.findall(r'id="tab-(\w+)"', page)
    assert tabs == ["overview", "access"]
    assert "Recent sign-ins" not in page
    for hidden in ("sessions", "keys", "activity"):
        assert browser.get(f"/users/{cast.viewer.pk}/{hidden}").status_code == 403
    assert "Active sessions" in text_of(browser.get(f"/users/{porter.pk}/sessions"))


@pytest.mark.parametrize("path", ["", "/access", "/sessions", "/keys", "/activity", "/edit", "/lock", "/delete"])
def test_nobody_is_not_found(browser, path):
    assert browser.get(f"/users/{NOBODY}{path}").status_code == 404
