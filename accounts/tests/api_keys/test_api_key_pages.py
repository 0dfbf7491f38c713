"""API keys on the profile and on a user's page, without JavaScript."""

import re

import pytest
from django.utils.http import urlsafe_base64_encode

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key
from accounts.models import ApiKey, User
from accounts.notifications.links import reset_tokens
from accounts.users.services import create_user
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, page_client

TEXT = re.compile(r"rpt_[0-9a-f]{12}_[0-9a-f]{64}")


@pytest.fixture
def browser(cast):
    return page_client(cast.admin)


def body(response):
    return response.content.decode()


def test_a_key_is_made_on_the_profile_and_shown_once(cast, browser):
    form = body(browser.get("/profile/keys/new"))
    assert 'value="user_read"' in form
    assert 'value="settings_update"' not in form, "the Administrator doesn't hold it"
    data = {
        "name": "LIMS <1>",
        "expires_in_days": "90",
        "scopes": ["user_read"],
        "addresses": "192.0.2.10, ::1\n10.0.0.0/8",
    }
    made = browser.post("/profile/keys/new", data)
    assert made["Cache-Control"] == "no-store, private"
    text = TEXT.search(body(made))[0]
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {text}").json()["permissions"] == ["user_read"]
    key = ApiKey.objects.get()
    assert (key.user, key.addresses) == (cast.admin, ["192.0.2.10/32", "::1/128", "10.0.0.0/8"])
    profile = body(browser.get("/profile/keys"))
    assert "LIMS &lt;1&gt;" in profile
    assert f"rpt_{key.prefix}_…" in profile
    assert text not in profile


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "Enter the name."),
        ({"addresses": "lab.example"}, "lab.example is no address or network"),
        ({"scopes": ["settings_update"]}, "settings_update is not one of the available choices"),
        ({"expires_in_days": "9999"}, "9999 is not one of the available choices"),
    ],
)
def test_a_form_that_breaks_a_rule_says_so_at_its_field(browser, wrong, said):
    answer = browser.post("/profile/keys/new", {"name": "LIMS", "expires_in_days": "90", **wrong})
    assert answer.status_code == 422
    assert said in body(answer)
    assert not ApiKey.objects.exists()


def test_revoking_asks_first_as_a_page_and_as_a_dialog(cast, browser):
    key = create_key(actor=cast.admin, user_id=cast.admin.pk, name="LIMS", scopes=[]).key
    path = f"/profile/keys/{key.pk}/revoke"
    page, dialog = browser.get(path), browser.get(path, headers={"HX-Request": "true"})
    assert "Revoke LIMS?" in body(dialog)
    assert "<main" in body(page)
    assert "<main" not in body(dialog)
    assert ApiKey.objects.unrevoked().exists()
    answer = browser.post(path, follow=True)
    assert "API key LIMS revoked." in body(answer)
    assert not ApiKey.objects.unrevoked().exists()
    assert browser.post(path).status_code == 404


def test_the_key_of_another_is_not_found_on_the_profile(cast, browser):
    key = create_key(actor=cast.super_admin, user_id=cast.super_admin.pk, name="Mine", scopes=[]).key
    assert browser.get(f"/profile/keys/{key.pk}/revoke").status_code == 404
    assert browser.post(f"/users/{cast.super_admin.pk}/keys/{key.pk}/revoke").status_code == 403
    assert ApiKey.objects.unrevoked().exists()


def test_a_service_account_is_made_and_given_a_key_on_pages(cast, browser):
    data = {"username": "lims", "email": "lims@lab.example", "roles": ["viewer"], "access": "service", "password": ""}
    shown = browser.post("/users/new", data, follow=True)
    account = User.objects.get(username="lims")
    assert account.is_service
    assert not account.has_usable_password()
    assert "An invitation" not in body(shown)
    assert "By API key only" in body(shown)
    assert "Reset password" not in body(shown)
    made = browser.post(f"/users/{account.pk}/keys/new", {"name": "Prod", "expires_in_days": "365"})
    text = TEXT.search(body(made))[0]
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {text}").json()["username"] == "lims"
    assert "Prod" in body(browser.get(f"/users/{account.pk}"))
    assert "lims" in body(browser.get("/users?kind=service"))
    assert "lims@" not in body(browser.get("/users?kind=person"))


@pytest.mark.parametrize("other", ["super_admin", "viewer"])
def test_the_page_of_another_person_offers_no_new_key_and_says_what_to_do(cast, browser, other):
    person = cast.by_slug()[other]
    shown = body(browser.get(f"/users/{person.pk}/keys"))
    assert "API keys" in shown
    assert "New key" not in shown
    path = f"/users/{person.pk}/keys/new"
    for answer in (browser.get(path), browser.post(path, {"name": "x", "expires_in_days": "30"})):
        assert answer.status_code == 409
        assert "Only people themselves make their API keys. For a program, make a service account" in body(answer)
    assert not ApiKey.objects.exists()


def test_a_key_that_another_made_is_marked(cast, browser):
    account = make_user("lims", "viewer", password=None, is_service=True)
    create_key(actor=cast.admin, user_id=account.pk, name="Prod", scopes=[])
    assert "Created by the-admin" in body(browser.get(f"/users/{account.pk}"))
    create_key(actor=cast.admin, user_id=cast.admin.pk, name="Own", scopes=[])
    assert "Created by" not in body(browser.get("/profile/keys"))
    super_admin = page_client(cast.super_admin)
    assert "the-admin" in body(super_admin.get("/admin/accounts/apikey/?q=Prod"))


def test_revoking_keys_is_offered_with_a_new_password_and_with_the_end_of_sessions(cast):
    browser, other = page_client(cast.viewer), page_client(cast.viewer)
    create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[])
    ended = browser.post("/profile/sessions/end", {"revoke_keys": "on"}, follow=True)
    assert ended.status_code == 200
    assert other.get("/profile").status_code == 302
    assert not ApiKey.objects.unrevoked().exists()
    assert "revoke_keys" not in body(browser.get("/password"))
    create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[])
    assert "Revoke my API keys too" in body(browser.get("/password"))
    typed = {"current_password": PASSWORD, "new_password": "Other-Horse-8", "repeated": "Other-Horse-8"}
    assert browser.post("/password", {**typed, "revoke_keys": "on"}).status_code == 302
    assert not ApiKey.objects.unrevoked().exists()


def test_who_may_not_change_users_sees_no_keys_of_others(cast):
    create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Own scale", scopes=[])
    manager = page_client(cast.manager)
    assert "/keys" not in body(manager.get(f"/users/{cast.viewer.pk}"))
    assert manager.get(f"/users/{cast.viewer.pk}/keys").status_code == 403


def test_a_super_administrator_revokes_keys_in_django_admin(cast):
    key = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[]).key
    super_admin = page_client(cast.super_admin)
    assert key.secret_hash not in body(super_admin.get(f"/admin/accounts/apikey/{key.pk}/change/"))
    super_admin.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [str(key.pk)]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert super_admin.get("/admin/accounts/apikey/?secret_hash__startswith=0").status_code == 400


def test_a_service_account_cannot_sign_in_or_choose_a_password(cast, client):
    account = create_user(actor=SYSTEM, username="lims", email="lims@lab.example", is_service=True)
    assert client.post("/login", {"username": "lims", "password": account.password}).status_code == 422
    link = f"/set-password/{urlsafe_base64_encode(str(account.pk).encode())}/{reset_tokens.make_token(account)}"
    client.get(link)
    client.post("/set-password", {"new_password": "Correct-Horse-7", "repeated": "Correct-Horse-7"})
    account.refresh_from_db()
    assert not account.has_usable_password()
