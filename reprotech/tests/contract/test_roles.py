"""Section 3 of the contract: roles and permissions."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Role
from audit.models import AuditLog
from reprotech.testing.cast import NOBODY, audit_rows, make_user
from reprotech.testing.client import Caller, error_of
from sso.applications.own_permissions import register_permissions
from sso.tests.support.sign_ins import make_application

NEW = {"name": "Night Shift", "description": "Who is here at night", "permissions": ["sample_read", "animal_read"]}

#: What the contract's table says: name, slug, description, number of permissions.
SYSTEM_ROLES = [
    ("Super Administrator", "super_admin", "Full system access with all permissions", 39),
    ("Administrator", "admin", "Administrative access with user management capabilities", 37),
    ("Manager", "manager", "Oversight and analytics access", 21),
    ("Researcher", "researcher", "Research data and analysis access", 13),
    ("Veterinarian", "veterinarian", "Clinical and animal health management", 14),
    ("Laboratory Technician", "lab_technician", "Lab operations and test management", 11),
    ("Viewer", "viewer", "Read-only access to assigned modules", 8),
]
LAB_TECHNICIAN = {
    *("sample_create", "sample_read", "sample_update", "lab_test_create", "lab_test_read", "lab_test_update"),
    *("inventory_read", "inventory_update", "animal_read", "procedure_read", "report_read"),
}
MANAGER = {
    *("user_read", "role_read", "audit_read", "analytics_read", "settings_read", "animal_read", "sample_read"),
    *("lab_test_read", "procedure_read", "customer_read", "inventory_read", "report_read", "genomics_read"),
    *("audit_export", "report_create", "report_export", "lab_test_approve", "inventory_update"),
    *("customer_create", "customer_update", "customer_delete"),
}


@pytest.fixture
def night_shift(cast, super_admin):
    return Role.objects.get(pk=super_admin.post("/api/roles", NEW).json()["role"]["id"])


def changes_of(action):
    return AuditLog.objects.filter(action=action, resource="role").latest("id").details["changes"]


@pytest.mark.parametrize("path", ["/api/roles", "/api/roles/"])
def test_the_seven_roles_are_listed_in_their_order(cast, super_admin, path):
    response = super_admin.get(path)
    assert (response.status_code, list(response.json())) == (200, ["roles"])
    roles = response.json()["roles"]
    told = [(role["name"], role["slug"], role["description"], len(role["permissions"])) for role in roles]
    assert told == SYSTEM_ROLES
    assert {role["is_system"] for role in roles} == {True}
    assert [role["user_count"] for role in roles] == [1] * 7
    assert roles[0]["permissions"] == list(PERMISSION_NAMES)
    assert set(PERMISSION_NAMES) - set(roles[1]["permissions"]) == {"role_delete", "settings_update"}
    assert set(roles[2]["permissions"]) == MANAGER
    assert set(roles[5]["permissions"]) == LAB_TECHNICIAN


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_role_is_shown(cast, super_admin, suffix):
    role = Role.objects.get(slug="viewer")
    response = super_admin.get(f"/api/roles/{role.pk}{suffix}")
    assert response.status_code == 200
    assert response.json() == {
        "id": role.pk,
        "name": "Viewer",
        "slug": "viewer",
        "description": "Read-only access to assigned modules",
        "permissions": [
            *("animal_read", "sample_read", "lab_test_read", "procedure_read"),
            *("customer_read", "inventory_read", "report_read", "genomics_read"),
        ],
        "requires_factor": False,
        "is_requestable": True,
        "may_grant": [],
        "is_system": True,
        "user_count": 1,
    }


@pytest.mark.parametrize("path", ["/api/permissions", "/api/permissions/"])
def test_the_39_permissions_are_listed(cast, super_admin, path):
    response = super_admin.get(path)
    assert (response.status_code, list(response.json())) == (200, ["permissions"])
    permissions = response.json()["permissions"]
    assert len(permissions) == 39
    assert [permission["name"] for permission in permissions] == list(PERMISSION_NAMES)
    first = permissions[0]
    assert first == {
        "id": first["id"],
        "name": "user_create",
        "description": "Create users",
        "resource": "user",
        "action": "create",
        "application": None,
        "is_retired": False,
    }
    assert all(entry["name"] == f"{entry['resource']}_{entry['action']}" for entry in permissions)


@pytest.mark.parametrize("path", ["/api/roles", "/api/roles/"])
def test_a_role_is_created(cast, super_admin, path):
    response = super_admin.post(path, NEW)
    assert response.status_code == 201
    assert response.json() == {
        "message": "Role created successfully",
        "role": {
            "id": Role.objects.get(name="Night Shift").pk,
            "name": "Night Shift",
            "slug": "night_shift",
            "description": "Who is here at night",
            "permissions": ["animal_read", "sample_read"],
            "requires_factor": False,
            "is_requestable": False,
            "may_grant": [],
            "is_system": False,
            "user_count": 0,
        },
    }
    assert changes_of("create") == {
        "name": [None, "Night Shift"],
        "description": [None, "Who is here at night"],
        "permissions": [[], ["animal_read", "sample_read"]],
    }


@pytest.mark.parametrize("name", ["NIGHT shift", "night_shift", "Viewer", "lab technician", "super admin"])
def test_a_name_that_another_role_has_as_name_or_slug_is_a_conflict(night_shift, super_admin, name):
    before = Role.objects.count()
    response = super_admin.post("/api/roles", {**NEW, "name": name})
    sentence = "There is a role of this name already."
    assert response.status_code == 409
    assert error_of(response) == {"error": sentence, "code": "conflict", "errors": {"name": [sentence]}}
    assert Role.objects.count() == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("permissions", ["world_rule", "user_read"], "There is no permission 'world_rule'."),
        ("permissions", "user_read", 'Expected a list of items but got type "str".'),
        ("name", "", "This field may not be blank."),
        ("name", "---", "Use at least one letter or digit."),
        ("name", "x" * 81, "Ensure this field has no more than 80 characters."),
        ("slug", "night", "Unknown field."),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(cast, super_admin, field, value, sentence):
    response = super_admin.post("/api/roles", {**NEW, field: value})
    assert (response.status_code, error_of(response)["errors"]) == (400, {field: [sentence]})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_role_is_changed_by_what_is_given(night_shift, super_admin, method, suffix):
    path = f"/api/roles/{night_shift.pk}{suffix}"
    response = super_admin.call(method, path, {"name": "Late Shift", "permissions": ["animal_read"]})
    assert response.status_code == 200
    assert response.json() == {
        "message": "Role updated successfully",
        "role": {
            "id": night_shift.pk,
            "name": "Late Shift",
            "slug": "night_shift",  # by which programs know it
            "description": "Who is here at night",
            "permissions": ["animal_read"],
            "requires_factor": False,
            "is_requestable": False,
            "may_grant": [],
            "is_system": False,
            "user_count": 0,
        },
    }
    assert changes_of("update") == {
        "name": ["Night Shift", "Late Shift"],
        "permissions": [["animal_read", "sample_read"], ["animal_read"]],
    }


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_role_that_nobody_holds_is_deleted(night_shift, super_admin, suffix):
    response = super_admin.delete(f"/api/roles/{night_shift.pk}{suffix}")
    assert (response.status_code, response.json()) == (200, {"message": "Role deleted successfully"})
    assert not Role.objects.filter(name="Night Shift").exists()
    assert AuditLog.objects.get(action="delete", resource="role").resource_name == "Night Shift"


def test_a_role_in_use_is_deleted_only_with_another_one_for_its_users(night_shift, super_admin):
    make_user("owl", "night_shift")
    path = f"/api/roles/{night_shift.pk}"
    refused = super_admin.delete(path)
    assert refused.status_code == 409
    assert error_of(refused) == {
        "error": "1 user holds this role. Take it away first, or delete it with ?reassign_to=<another role>.",
        "code": "conflict",
    }
    for other in ("emperor", "night_shift"):
        unknown = super_admin.delete(f"{path}?reassign_to={other}")
        assert unknown.status_code == 400
        assert error_of(unknown)["errors"] == {"reassign_to": ["Name another role that exists."]}
    assert super_admin.delete(f"{path}?reassign_to=viewer").status_code == 200
    owl = super_admin.get("/api/users?search=owl").json()["users"][0]
    assert owl["roles"] == ["Viewer"]
    assert AuditLog.objects.filter(action="role_assign", resource_name="owl").count() == 1
    assert AuditLog.objects.filter(action="role_revoke", resource_name="owl").count() == 1


def test_a_role_that_was_emptied_can_be_deleted(night_shift, super_admin):
    owl = make_user("owl", "night_shift")
    super_admin.patch(f"/api/users/{owl.pk}", {"roles": []})
    assert super_admin.delete(f"/api/roles/{night_shift.pk}").status_code == 200


@pytest.mark.parametrize("slug", [row[1] for row in SYSTEM_ROLES])
def test_system_roles_are_neither_renamed_nor_deleted(cast, super_admin, slug):
    path = f"/api/roles/{Role.objects.get(slug=slug).pk}"
    renamed, deleted = super_admin.patch(path, {"name": "Emperor"}), super_admin.delete(path)
    sentence = "System roles can't be renamed."
    assert renamed.status_code == deleted.status_code == 409
    assert error_of(renamed) == {"error": sentence, "code": "conflict", "errors": {"name": [sentence]}}
    assert error_of(deleted) == {"error": "System roles can't be deleted.", "code": "conflict"}
    assert Role.objects.filter(slug=slug).exists()
    assert super_admin.patch(path, {"description": "Ours"}).json()["role"]["description"] == "Ours"


@pytest.mark.parametrize("permissions", [[], ["user_read"], list(PERMISSION_NAMES[1:])])
def test_super_administrator_keeps_all_permissions(cast, super_admin, permissions):
    path = f"/api/roles/{Role.objects.get(slug='super_admin').pk}"
    response = super_admin.patch(path, {"permissions": permissions})
    sentence = "Super Administrator always holds every permission."
    assert (response.status_code, error_of(response)["errors"]) == (409, {"permissions": [sentence]})
    assert len(super_admin.get(path).json()["permissions"]) == 39


@pytest.mark.parametrize(
    ("method", "slug", "body"),
    [
        ("POST", "", {**NEW, "permissions": ["role_delete"]}),
        ("PATCH", "viewer", {"permissions": ["role_delete"]}),
        ("PATCH", "admin", {"permissions": ["user_read", "role_delete"]}),
        ("PATCH", "super_admin", {"description": "Not so super"}),
    ],
)
def test_nobody_puts_more_into_a_role_than_they_hold(cast, admin, method, slug, body):
    path = f"/api/roles/{Role.objects.get(slug=slug).pk}" if slug else "/api/roles"
    response = admin.call(method, path, body)
    assert response.status_code == 403
    assert error_of(response) == {
        "error": "Insufficient permissions",
        "code": "permission_denied",
        "required": "role_delete",
    }
    assert Role.objects.filter(permissions__name="role_delete").get().slug == "super_admin"
    assert AuditLog.objects.get(action="access_denied").details["required"] == "role_delete"


def test_deleting_a_role_takes_its_own_permission(night_shift, cast):
    response = Caller(cast.admin).delete(f"/api/roles/{night_shift.pk}")
    assert (response.status_code, error_of(response)["required"]) == (403, "role_delete")


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {}), ("PATCH", {}), ("DELETE", None)])
def test_a_role_that_is_not_there_is_missing(cast, super_admin, method, body):
    response = super_admin.call(method, f"/api/roles/{NOBODY}", body)
    assert (response.status_code, error_of(response)) == (
        404,
        {"error": "There is no such role.", "code": "not_found"},
    )


def test_permissions_of_applications_come_after_the_39(cast, super_admin):
    application = make_application("HPLC")
    run = {"resource": "run", "action": "start", "description": "Start runs"}
    register_permissions(actor=SYSTEM, application_id=application.pk, permissions=[run])
    listed = super_admin.get("/api/permissions").json()["permissions"]
    assert [permission["name"] for permission in listed] == [*PERMISSION_NAMES, "hplc.run_start"]
    own = super_admin.get("/api/permissions?application=hplc").json()["permissions"]
    assert own == listed[39:]
    assert own == [
        {"id": own[0]["id"], "name": "hplc.run_start", **run, "application": "hplc", "is_retired": False},
    ]
    assert super_admin.get("/api/permissions?application=other").json() == {"permissions": []}
    assert super_admin.get("/api/permissions?module=hplc").status_code == 400
    me = super_admin.get("/api/auth/me").json()
    assert me["permissions"] == [*PERMISSION_NAMES, "hplc.run_start"]
    register_permissions(actor=SYSTEM, application_id=application.pk, permissions=[])
    assert super_admin.get("/api/auth/me").json()["permissions"] == list(PERMISSION_NAMES)


def test_deleting_a_role_that_opens_an_application_asks_for_one_that_does_instead(cast, super_admin, night_shift):
    application = make_application("HPLC", "night_shift")
    path = f"/api/roles/{night_shift.pk}"
    refused = super_admin.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "opens HPLC" in refused.json()["error"]
    with audit_rows() as events:
        assert super_admin.delete(f"{path}?reassign_to=viewer").status_code == 200
    assert [role.slug for role in application.roles.all()] == ["viewer"]
    assert {(row.action, row.resource) for row in events} == {("update", "application"), ("delete", "role")}
