"""API keys through the API: made once, sent as a bearer token, revoked at once, never worth more than their owner."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import parse

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key, load_key, revoke_key
from accounts.core.exceptions import TokenInvalid
from accounts.models import ApiKey, OutgoingMail
from accounts.throttling import rate_limits
from accounts.users.erasure import erase_personal_data
from accounts.users.services import delete_user, lock_user, unlock_user, update_user
from audit.models import AuditLog
from reprotech.testing.cast import make_user
from reprotech.testing.client import TIME, UUID, Caller, Like, error_of

REFUSED = (401, {"error": "Token is invalid or expired", "code": "token_invalid"})
CLOSED = (403, {"error": "An API key can't do this. Sign in: POST /api/auth/login.", "code": "key_refused"})
KEY = Like(r"rpt_[0-9a-f]{12}_[0-9a-f]{64}")


def make(user, *scopes, **fields):
    """A key of `user`, by themselves."""
    return create_key(actor=user, user_id=user.pk, **{"name": "Balance 3", "scopes": scopes, **fields})


def call(text, method="GET", path="/api/auth/me", body=None, **caller):
    return Caller(**caller).call(method, path, body, HTTP_AUTHORIZATION=f"Bearer {text}")


def answer(response):
    return response.status_code, error_of(response)


@pytest.mark.parametrize("path", ["/api/auth/keys", "/api/auth/keys/"])
def test_a_key_is_made_and_its_text_is_shown_this_once(admin, path):
    body = {
        "name": "LIMS",
        "scopes": ["user_read"],
        "expires_in_days": 30,
        "addresses": ["192.0.2.10", "2001:db8::/32"],
    }
    response = admin.post(path, body)
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    made = response.json()
    key = {
        "id": UUID,
        "name": "LIMS",
        "prefix": made["token"].split("_")[1],
        "scopes": ["user_read"],
        "addresses": ["192.0.2.10/32", "2001:db8::/32"],
        "created_at": TIME,
        "expires_at": TIME,
        "is_expired": False,
        "last_used_at": None,
        "last_used_from": None,
        "created_by": "the-admin",
    }
    assert made == {"message": "Key created successfully", "key": key, "token": KEY}
    listed = admin.get(path)
    assert listed.json() == {"keys": [made["key"]]}
    assert made["token"] not in str(ApiKey.objects.values().get())
    assert call(made["token"]).status_code == 200
    used = admin.get(path).json()["keys"][0]
    assert (used["last_used_at"], used["last_used_from"]) == (TIME, "192.0.2.10")


def test_a_key_is_good_for_a_year_unless_asked_otherwise(admin):
    admin.post("/api/auth/keys", {"name": "LIMS", "scopes": []})
    assert ApiKey.objects.get().expires_at - timezone.now() == pytest.approx(
        timedelta(days=365), abs=timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("name", "a\u202eb"),
        ("scopes", "user_read"),
        ("scopes", ["no_such_permission"]),
        ("scopes", ["settings_update"]),
        ("scopes", None),
        ("expires_in_days", 0),
        ("expires_in_days", 731),
        ("expires_in_days", 10**400),
        ("expires_in_days", "30"),
        ("expires_in_days", True),
        ("addresses", ["lab.example"]),
        ("addresses", ["192.0.2.7/24"]),
        ("addresses", ["192.0.2.7"] * 51),
        ("id", "x"),
    ],
)
def test_a_key_that_breaks_a_rule_is_not_made(admin, field, value):
    response = admin.post("/api/auth/keys", {"name": "LIMS", "scopes": ["user_read"], field: value})
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])
    assert not ApiKey.objects.exists()


def test_a_key_can_do_what_its_scopes_name_and_no_more(cast):
    text = make(cast.admin, "user_read").text
    assert call(text, path="/api/users").status_code == 200
    me = call(text).json()
    assert (me["username"], me["permissions"]) == ("the-admin", ["user_read"])
    response = call(text, path="/api/roles")
    assert (response.status_code, error_of(response)["required"]) == (403, "role_read")
    row = AuditLog.objects.get(action="access_denied")
    assert (row.username, row.details["key"]) == ("the-admin", ApiKey.objects.get().public_id)


def test_a_key_cannot_do_through_another_account_what_its_scopes_leave_out(cast):
    text = make(cast.admin, "user_create", "user_read", "user_update").text
    body = {"username": "helper-1", "email": "helper-1@lab.example", "roles": ["Administrator"]}
    assert call(text, "POST", "/api/users", body).status_code == 403
    assert call(text, "POST", "/api/users", {**body, "roles": []}).status_code == 201
    assert call(text, "PATCH", f"/api/users/{cast.admin.pk}", {"email": "new@lab.example"}).status_code == 403
    assert call(text, "POST", f"/api/users/{cast.viewer.pk}/reset-password", {}).status_code == 403


def test_a_key_loses_what_its_owner_loses_and_gains_nothing_that_they_gain(cast):
    text = make(cast.admin, "user_read", "role_read").text
    update_user(actor=SYSTEM, user_id=cast.admin.pk, roles=["Viewer"])
    assert call(text, path="/api/users").status_code == 403
    assert call(text).json()["permissions"] == []
    update_user(actor=SYSTEM, user_id=cast.admin.pk, roles=["Super Administrator"])
    assert call(text).json()["permissions"] == ["user_read", "role_read"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/auth/logout", {}),
        ("POST", "/api/auth/change-password", {}),
        ("GET", "/api/auth/sessions", None),
        ("DELETE", "/api/auth/sessions", None),
        ("DELETE", "/api/auth/sessions/00000000-0000-4000-8000-000000000000", None),
        ("GET", "/api/auth/keys", None),
        ("POST", "/api/auth/keys", {"name": "Child", "scopes": []}),
        ("DELETE", "/api/auth/keys/{key}", None),
        ("POST", "/api/users/{viewer}/keys", {"name": "Child", "scopes": []}),
        ("DELETE", "/api/users/{viewer}/keys/{key}", None),
    ],
)
def test_passwords_sessions_and_keys_are_closed_to_keys(cast, method, path, body):
    made = make(cast.super_admin, "user_read", "user_update")
    path = path.format(key=made.key.pk, viewer=cast.viewer.pk)
    assert answer(call(made.text, method, path, body)) == CLOSED
    assert list(ApiKey.objects.unrevoked()) == [made.key]


def test_a_revoked_key_is_good_no_longer(viewer):
    made = viewer.post("/api/auth/keys", {"name": "LIMS", "scopes": []}).json()
    path = f"/api/auth/keys/{made['key']['id']}"
    response = viewer.delete(path)
    assert (response.status_code, response.json()) == (200, {"message": "Key revoked successfully"})
    assert answer(call(made["token"])) == REFUSED
    assert viewer.get("/api/auth/keys").json() == {"keys": []}
    assert answer(viewer.delete(path)) == (404, {"error": "There is no such key.", "code": "not_found"})


def test_the_keys_of_others_are_not_found(cast, viewer):
    key = make(cast.stranger).key
    assert viewer.delete(f"/api/auth/keys/{key.pk}").status_code == 404
    assert viewer.get("/api/auth/keys").json() == {"keys": []}


def test_an_expired_and_a_misplaced_key_are_refused_alike_and_recorded_once(cast):
    made = make(cast.viewer, addresses=["198.51.100.0/24", "2001:db8::/32"])
    for _ in range(3):
        assert answer(call(made.text)) == REFUSED
    assert call(made.text, address="198.51.100.9").status_code == 200
    assert call(made.text, address="2001:db8::7").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    assert answer(call(made.text, address="198.51.100.9")) == REFUSED
    rows = AuditLog.objects.filter(action="access_denied").order_by("id")
    assert [row.details["reason"] for row in rows] == [
        "The key is not good from this address.",
        "The key has expired.",
    ]
    assert {row.details["key"] for row in rows} == {made.key.public_id}


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: text.upper(),
        lambda text: text.replace("_", "-"),
        lambda text: text.replace("_", "_0", 1),
        lambda text: "rpt_" + "0" * 12 + text[16:],
        lambda text: "rpt_",
        lambda text: "rpt_" + "x" * 100_000,
        lambda text: text + "\x00",
        lambda text: text[:-1] + "\u0660",
    ],
)
def test_a_mangled_key_opens_nothing_and_leaves_no_row(cast, edit):
    text = make(cast.viewer).text
    before = AuditLog.objects.count()
    assert answer(call(edit(text).encode().decode("latin-1"))) == REFUSED
    assert AuditLog.objects.count() == before


def test_a_key_is_worth_nothing_while_its_owner_is_locked_or_inactive(cast):
    text = make(cast.viewer).text
    disabled = (401, {"error": "Account is disabled", "code": "account_disabled"})
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert answer(call(text)) == disabled
    unlock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, is_active=False)
    assert answer(call(text)) == disabled
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, is_active=True)
    assert call(text).status_code == 200


def test_deleting_a_user_revokes_their_keys(cast):
    made = make(cast.viewer)
    delete_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert answer(call(made.text)) == REFUSED
    assert not ApiKey.objects.unrevoked().exists()


def test_erasing_a_person_leaves_nothing_of_their_keys(cast):
    made = make(cast.viewer, name="The viewer's own laptop")
    assert call(made.text).status_code == 200
    erase_personal_data(actor=SYSTEM, user_id=cast.viewer.pk)
    assert answer(call(made.text)) == REFUSED
    assert not ApiKey.objects.exists()
    assert "laptop" not in str(list(AuditLog.objects.values_list("details", flat=True)))


def test_an_administrator_makes_and_revokes_keys_of_service_accounts_that_hold_no_more_and_mails_tell(cast, admin):
    lims = make_user("lims", "viewer", password=None, is_service=True)
    path = f"/api/users/{lims.pk}/keys"
    made = admin.post(path, {"name": "Scale", "scopes": ["animal_read"]})
    assert (made.status_code, made.json()["key"]["created_by"]) == (201, "the-admin")
    token = made.json()["token"]
    assert call(token).json()["username"] == "lims"
    mail = OutgoingMail.objects.get(letter="key_created")
    assert (mail.user, mail.context) == (lims, {"key": "Scale", "by": "the-admin", "by_themselves": False})
    assert admin.get(path).json()["keys"][0]["name"] == "Scale"
    about = admin.post("/api/auth/introspect", {"token": token}).json()
    assert (about["username"], about["created_by"]) == ("lims", "the-admin")
    assert admin.delete(f"{path}/{made.json()['key']['id']}").status_code == 200
    assert answer(call(token)) == REFUSED
    rows = AuditLog.objects.filter(action__in=["key_create", "key_revoke"]).order_by("id")
    assert [(row.username, row.resource_name, row.details["key"]) for row in rows] == [
        ("the-admin", "lims", f"rpt_{made.json()['key']['prefix']}")
    ] * 2
    assert token not in str(list(rows.values()))


def test_nobody_manages_keys_of_who_holds_more(cast, admin):
    made = make(cast.super_admin)
    path = f"/api/users/{cast.super_admin.pk}/keys"
    assert admin.post(path, {"name": "Mine", "scopes": []}).status_code == 403
    assert admin.delete(f"{path}/{made.key.pk}").status_code == 403
    assert call(made.text).status_code == 200


def test_there_are_at_most_fifty_keys(cast, viewer):
    expiry = timezone.now() + timedelta(days=1)
    ApiKey.objects.bulk_create(
        ApiKey(user=cast.viewer, name="x", prefix=f"{n:012}", secret_hash="0", expires_at=expiry) for n in range(50)
    )
    assert viewer.post("/api/auth/keys", {"name": "One more", "scopes": []}).status_code == 409
    revoke_key(actor=cast.viewer, user_id=cast.viewer.pk, key_id=ApiKey.objects.first().pk)
    assert viewer.post("/api/auth/keys", {"name": "One more", "scopes": []}).status_code == 201


def test_calls_with_one_key_are_counted(cast, monkeypatch):
    monkeypatch.setattr(rate_limits, "limit_of", lambda name: parse("2 per minute"))
    one, other = make(cast.viewer).text, make(cast.viewer).text
    assert [call(one).status_code for _ in range(3)] == [200, 200, 429]
    assert call(one)["Retry-After"].isdigit()
    assert call(other).status_code == 200


def test_a_service_account_has_no_password_and_signs_in_by_key_alone(admin):
    body = {"username": "lims", "email": "lims@lab.example", "roles": ["Viewer"], "is_service": True}
    refused = admin.post("/api/users", {**body, "password": "Correct-Horse-7"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["password"])
    made = admin.post("/api/users", body)
    assert (made.status_code, made.json()["user"]["is_service"]) == (201, True)
    assert not OutgoingMail.objects.exists()
    pk = made.json()["user"]["id"]
    for attempt in ({}, {"password": "Correct-Horse-7"}):
        assert admin.post(f"/api/users/{pk}/reset-password", attempt).status_code == 409
    assert admin.patch(f"/api/users/{pk}", {"is_service": False}).status_code == 400
    assert admin.post(f"/api/users/{pk}/keys", {"name": "Prod", "scopes": ["animal_read"]}).status_code == 201
    assert [user["id"] for user in admin.get("/api/users?kind=service").json()["users"]] == [pk]
    people = admin.get("/api/users?kind=person&per_page=100").json()["users"]
    assert pk not in [user["id"] for user in people]
    assert len(people) == 8


def test_an_account_that_must_change_its_password_gives_its_keys_nothing(cast):
    user = make_user("fresh", "viewer", must_change_password=True)
    response = call(make(user).text, path="/api/auth/keys")
    assert (response.status_code, response.json()["code"]) == (403, "password_change_required")


@settings(derandomize=True, database=None, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_text_but_the_key_itself_is_taken_for_it(cast, data):
    text = make(cast.viewer).text
    position = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(position, len(text)))
    inserted = data.draw(st.one_of(st.text("0123456789abcdef_rpt", max_size=80), st.text(max_size=5)))
    forged = text[:position] + inserted + text[end:]
    if forged != text:
        with pytest.raises(TokenInvalid):
            load_key(forged)
    assert load_key(text).user == cast.viewer
    ApiKey.objects.all().delete()
