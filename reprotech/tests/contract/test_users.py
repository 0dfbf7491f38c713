"""Section 3 of the contract, users: creating, showing, changing, locking and deleting them."""

from urllib.parse import quote

import pytest

from accounts.models import User
from audit.models import AuditLog
from reprotech.testing.cast import NOBODY
from reprotech.testing.client import TIME, error_of
from reprotech.tests.contract.authentication.test_lockout import login

NEW = {
    "username": "newuser",
    "email": "NewUser@Lab.Example",
    "password": "Secure-Pass-123!",
    "first_name": "New",
    "last_name": "User",
    "roles": ["Veterinarian", "lab_technician"],
}


def grant_of(role, granted_by):
    period = {"starts_at": None, "ends_at": None}
    return {"role": role, **period, "granted_by": granted_by, "granted_at": TIME, "reason": ""}


def body_of(user, *, granted_by=None, **differs):
    """What the API shows of a user of the cast."""
    roles = list(user.grants.role_names)
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "first_name": "",
        "last_name": "",
        "is_active": True,
        "is_locked": False,
        "status": "active",
        "starts_at": None,
        "ends_at": None,
        "roles": roles,
        "is_service": False,
        "must_change_password": False,
        "must_add_factor": False,
        "has_second_factor": False,
        "invited_at": None,
        "invitation_expires_at": None,
        "last_login": None,
        "created_at": TIME,
        "updated_at": TIME,
        "permissions": user.grants.ordered_permissions,
        "mfa": {"enabled": False, "kinds": []},
        "role_grants": [grant_of(role, granted_by) for role in differs.get("roles", roles)],
        **differs,
    }


def changes_of(action):
    return AuditLog.objects.filter(action=action).latest("id").details["changes"]


@pytest.mark.parametrize("path", ["/api/users", "/api/users/"])
def test_a_user_is_created_with_roles(cast, super_admin, path):
    response = super_admin.post(path, NEW)
    assert response.status_code == 201
    user = User.objects.get(username="newuser")
    assert response.json() == {
        "message": "User created successfully",
        "user": body_of(
            user,
            granted_by="the-super_admin",
            email="NewUser@lab.example",
            first_name="New",
            last_name="User",
            roles=["Veterinarian", "Laboratory Technician"],
            permissions=[
                *("animal_create", "animal_read", "animal_update", "animal_delete"),
                *("sample_create", "sample_read", "sample_update"),
                *("lab_test_create", "lab_test_read", "lab_test_update"),
                *("procedure_create", "procedure_read", "procedure_update"),
                *("customer_read", "inventory_read", "inventory_update", "report_create", "report_read"),
            ],
        ),
    }
    assert login("newuser", NEW["password"]).status_code == 200


def test_creation_is_recorded_without_the_password(cast, super_admin):
    super_admin.post("/api/users", NEW)
    row = AuditLog.objects.get(action="create", resource_name="newuser")
    assert (row.username, row.resource, row.resource_id) == (
        "the-super_admin",
        "user",
        str(User.objects.get(username="newuser").pk),
    )
    assert row.details == {
        "changes": {
            "username": [None, "newuser"],
            "email": [None, "NewUser@lab.example"],
            "first_name": [None, "New"],
            "last_name": [None, "User"],
            "is_active": [None, True],
            "roles": [[], ["Veterinarian", "Laboratory Technician"]],
        }
    }


def test_a_user_can_be_created_inactive_and_without_names_or_roles(cast, super_admin):
    body = {"username": "newuser", "email": "new@lab.example", "password": NEW["password"], "is_active": False}
    user = super_admin.post("/api/users", body).json()["user"]
    assert (user["is_active"], user["status"], user["roles"], user["first_name"]) == (False, "inactive", [], "")
    assert login("newuser", NEW["password"]).status_code == 401


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("username", "THE-VIEWER", "This username is taken."),
        ("username", "the-viewer@lab.example", "This username is taken."),
        ("email", "The-Viewer@LAB.example", "This e-mail address is taken."),
    ],
)
def test_a_name_or_address_that_is_taken_whatever_the_case_is_a_conflict(cast, super_admin, field, value, sentence):
    response = super_admin.post("/api/users", {**NEW, field: value})
    assert response.status_code == 409
    assert error_of(response) == {"error": sentence, "code": "conflict", "errors": {field: [sentence]}}
    assert not User.objects.filter(username="newuser").exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("username", "ab", "Use at least 3 characters."),
        ("username", "a b c", "Use letters (a to z), digits and . - _ @ + only."),
        ("email", "nonsense", "Enter a valid e-mail address."),
        ("password", "Short1!", "Use at least 8 characters."),
        ("password", "lower-case-1!", "Use an upper-case and a lower-case letter, a digit and a special character."),
        ("password", "NewUser@lab.example", "Use an upper-case and a lower-case letter, a digit and a special "),
        ("password", "P@ssw0rd", "This password is too common."),
        ("roles", ["Emperor"], "There is no role 'Emperor'."),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(cast, super_admin, field, value, sentence):
    response = super_admin.post("/api/users", {**NEW, field: value})
    assert response.status_code == 400
    body = error_of(response)
    assert list(body["errors"]) == [field]
    assert body["errors"][field][0].startswith(sentence)
    assert (body["code"], body["error"]) == ("invalid", "Some of the input is not valid. Correct it and try again.")


@pytest.mark.parametrize("username", ["a" * 80, "abc", "A.b-c_d@e+1"])
def test_usernames_of_the_contract_are_accepted(cast, super_admin, username):
    assert super_admin.post("/api/users", {**NEW, "username": username}).json()["user"]["username"] == username


FARSI = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # with an invisible joiner that belongs there


@pytest.mark.parametrize(
    "name", ["יוסף", "محمد", FARSI, "Nguyễn", "O\u2019Connor-Łuk", "María José", "李小龍", "d'Ávila Jr."]
)
def test_names_of_every_script_are_accepted(cast, super_admin, name):
    user = super_admin.post("/api/users", {**NEW, "first_name": name, "last_name": name}).json()["user"]
    assert (user["first_name"], user["last_name"]) == (name, name)
    assert super_admin.get(f"/api/users?search={quote(name)}").json()["total"] == 1


@pytest.mark.parametrize("password", ["Pässwörd-Ñ-7", "Horse 7 Battery!", " Aa1!aaaa ", "Aa1-🐎🐎🐎🐎", "Aa1!" * 256])
def test_a_password_of_any_characters_is_taken_exactly_as_typed(cast, super_admin, password):
    assert super_admin.post("/api/users", {**NEW, "password": password}).status_code == 201
    assert login("newuser", password).status_code == 200
    assert login("newuser", password[:-1]).status_code == 401


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_user_is_shown_with_permissions(cast, super_admin, suffix):
    response = super_admin.get(f"/api/users/{cast.researcher.pk}{suffix}")
    assert (response.status_code, response.json()) == (200, body_of(cast.researcher))
    assert response.json()["roles"] == ["Researcher"]


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"first_name": "X"}),
        ("PATCH", "", {"first_name": "X"}),
        ("DELETE", "", None),
        ("POST", "/reset-password", {}),
        ("POST", "/lock", None),
        ("POST", "/unlock", None),
    ],
)
def test_a_user_who_is_not_there_or_was_deleted_is_missing(cast, super_admin, method, suffix, body):
    super_admin.delete(f"/api/users/{cast.viewer.pk}")
    for user_id in (NOBODY, cast.viewer.pk):
        response = super_admin.call(method, f"/api/users/{user_id}{suffix}", body)
        assert response.status_code == 404
        assert error_of(response) == {"error": "There is no such user.", "code": "not_found"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("suffix", ["", "/"])
def test_an_update_changes_what_is_given_and_leaves_the_rest(cast, super_admin, method, suffix):
    path = f"/api/users/{cast.viewer.pk}{suffix}"
    response = super_admin.call(method, path, {"first_name": "View", "email": "view@lab.example"})
    assert response.status_code == 200
    assert response.json() == {
        "message": "User updated successfully",
        "user": body_of(cast.viewer, first_name="View", email="view@lab.example"),
    }
    assert changes_of("update") == {
        "first_name": ["", "View"],
        "email": ["the-viewer@lab.example", "view@lab.example"],
    }


def test_roles_are_replaced_and_each_direction_is_recorded(cast, super_admin):
    answer = super_admin.patch(f"/api/users/{cast.viewer.pk}", {"roles": ["Researcher", "manager"]}).json()
    assert answer["user"]["roles"] == ["Manager", "Researcher"]
    assert changes_of("role_assign") == {"roles": [["Viewer"], ["Manager", "Researcher", "Viewer"]]}
    assert changes_of("role_revoke") == {"roles": [["Manager", "Researcher", "Viewer"], ["Manager", "Researcher"]]}


def test_an_update_that_changes_nothing_leaves_no_row(cast, super_admin):
    before = AuditLog.objects.count()
    body = {"username": "the-viewer", "roles": ["viewer"], "is_active": True}
    assert super_admin.put(f"/api/users/{cast.viewer.pk}", body).status_code == 200
    assert AuditLog.objects.count() == before


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("password", "Set it with POST /api/users/{id}/reset-password."),
        ("permissions", "They come from the roles."),
        ("id", "This can't be changed."),
        ("is_superuser", "Unknown field."),
    ],
)
def test_an_update_refuses_fields_that_are_not_its_own(cast, super_admin, field, sentence):
    response = super_admin.patch(f"/api/users/{cast.viewer.pk}", {field: "x", "first_name": "View"})
    assert (response.status_code, error_of(response)["errors"]) == (400, {field: [sentence]})
    cast.viewer.refresh_from_db()
    assert cast.viewer.first_name == ""


def test_deletion_takes_the_account_out_of_every_list_and_keeps_its_history(cast, super_admin):
    login("the-viewer")
    response = super_admin.delete(f"/api/users/{cast.viewer.pk}")
    assert (response.status_code, response.json()) == (200, {"message": "User deleted successfully"})
    assert "the-viewer" not in str(super_admin.get("/api/users?per_page=100").json())
    viewers = [role for role in super_admin.get("/api/roles").json()["roles"] if role["slug"] == "viewer"]
    assert viewers[0]["user_count"] == 0
    assert login("the-viewer").status_code == 401
    logs = super_admin.get("/api/audit?user=the-viewer&action=login&outcome=success").json()["logs"]
    assert [log["user"] for log in logs] == ["the-viewer"]
    assert AuditLog.objects.get(action="delete").resource_name == "the-viewer"


def test_the_username_of_a_deleted_account_stays_taken_and_its_address_is_free(cast, super_admin):
    super_admin.delete(f"/api/users/{cast.viewer.pk}")
    response = super_admin.post("/api/users", {**NEW, "username": "The-Viewer"})
    assert (response.status_code, error_of(response)["errors"]) == (409, {"username": ["This username is taken."]})
    response = super_admin.post("/api/users", {**NEW, "email": "the-viewer@lab.example"})
    assert response.status_code == 201


@pytest.mark.parametrize("suffix", ["", "/"])
def test_lock_and_unlock_answer_the_user_as_they_are_now(cast, super_admin, suffix):
    path = f"/api/users/{cast.viewer.pk}"
    locked = super_admin.post(f"{path}/lock{suffix}")
    assert (locked.status_code, locked.json()) == (
        200,
        {
            "message": "User locked successfully",
            "user": body_of(cast.viewer, is_locked=True, status="locked"),
        },
    )
    assert login("the-viewer").status_code == 401
    unlocked = super_admin.post(f"{path}/unlock{suffix}")
    assert (unlocked.status_code, unlocked.json()) == (
        200,
        {"message": "User unlocked successfully", "user": body_of(cast.viewer)},
    )
    assert login("the-viewer").status_code == 200
    assert changes_of("lock") == {"locked": [False, True]}
    assert changes_of("unlock") == {"locked": [True, False]}
