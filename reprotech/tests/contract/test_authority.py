"""Section 4 of the contract, through the API: nobody acts upon more than they hold, and somebody stays in charge."""

import pytest

from accounts.models import User
from audit.models import AuditLog
from reprotech.testing.cast import make_user
from reprotech.testing.client import Caller, error_of
from reprotech.tests.contract.test_users import NEW


@pytest.mark.parametrize(
    ("method", "suffix", "body", "verb"),
    [
        ("DELETE", "", None, "delete"),
        ("POST", "/lock", None, "lock"),
        ("PATCH", "", {"is_active": False}, "deactivate"),
    ],
)
def test_nobody_can_shut_themselves_out(cast, admin, method, suffix, body, verb):
    response = admin.call(method, f"/api/users/{cast.admin.pk}{suffix}", body)
    sentence = f"You can't {verb} your own account. Ask another administrator."
    assert (response.status_code, error_of(response)) == (409, {"error": sentence, "code": "conflict"})
    assert admin.get("/api/auth/me").status_code == 200


def test_the_last_super_administrator_stays(cast, super_admin):
    sentence = "This is the last active Super Administrator. Appoint another one first."
    path = f"/api/users/{cast.super_admin.pk}"
    stripped = super_admin.patch(path, {"roles": ["Viewer"]})
    assert (stripped.status_code, error_of(stripped)) == (409, {"error": sentence, "code": "conflict"})
    make_user("another", "super_admin")
    assert super_admin.patch(path, {"roles": ["Viewer"]}).status_code == 200


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("PATCH", "", {"first_name": "X"}),
        ("DELETE", "", None),
        ("POST", "/reset-password", {}),
        ("POST", "/reset-password", {"password": "Other-Horse-8"}),
        ("POST", "/lock", None),
        ("POST", "/unlock", None),
    ],
)
def test_an_administrator_cannot_touch_a_super_administrator(cast, admin, method, suffix, body):
    response = admin.call(method, f"/api/users/{cast.super_admin.pk}{suffix}", body)
    assert response.status_code == 403
    assert error_of(response) == {
        "error": "Insufficient permissions",
        "code": "permission_denied",
        "required": "role_delete",
    }
    row = AuditLog.objects.get(action="access_denied")
    assert (row.username, row.success, row.resource_name) == ("the-admin", False, "the-super_admin")
    assert Caller(cast.super_admin).get("/api/auth/me").status_code == 200


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "", {**NEW, "roles": ["Super Administrator"]}),
        ("PATCH", "viewer", {"roles": ["super_admin"]}),
        ("PATCH", "admin", {"roles": ["Administrator", "Super Administrator"]}),
    ],
)
def test_nobody_grants_more_than_they_hold(cast, admin, method, target, body):
    path = f"/api/users/{cast.by_slug()[target].pk}" if target else "/api/users"
    response = admin.call(method, path, body)
    assert (response.status_code, error_of(response)["required"]) == (403, "role_delete")
    assert User.objects.super_administrators().count() == 1
    assert not User.objects.filter(username="newuser").exists()
