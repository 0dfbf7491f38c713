"""The 39 permissions and 7 roles, written out by hand from the contract's tables."""

import pytest

from accounts.models import Permission, Role, User
from accounts.users.default_data import load_default_data

PERMISSIONS = {
    "user": "create read update delete",
    "role": "create read update delete",
    "audit": "read export",
    "analytics": "read",
    "settings": "read update",
    "session": "revoke",
    "animal": "create read update delete",
    "sample": "create read update delete",
    "lab_test": "create read update approve",
    "procedure": "create read update",
    "customer": "create read update delete",
    "inventory": "read update",
    "report": "create read export",
    "genomics": "read",
}

ROLES = [
    ("Super Administrator", "super_admin", "Full system access with all permissions"),
    ("Administrator", "admin", "Administrative access with user management capabilities"),
    ("Manager", "manager", "Oversight and analytics access"),
    ("Researcher", "researcher", "Research data and analysis access"),
    ("Veterinarian", "veterinarian", "Clinical and animal health management"),
    ("Laboratory Technician", "lab_technician", "Lab operations and test management"),
    ("Viewer", "viewer", "Read-only access to assigned modules"),
]

ALL = """
    user_create user_read user_update user_delete role_create role_read role_update role_delete
    audit_read audit_export analytics_read settings_read settings_update session_revoke
    animal_create animal_read animal_update animal_delete sample_create sample_read sample_update sample_delete
    lab_test_create lab_test_read lab_test_update lab_test_approve procedure_create procedure_read procedure_update
    customer_create customer_read customer_update customer_delete inventory_read inventory_update
    report_create report_read report_export genomics_read
"""

HOLDINGS = {
    "super_admin": ALL,
    "admin": ALL.replace("role_delete", "").replace("settings_update", ""),
    "manager": """
        user_read role_read audit_read analytics_read settings_read animal_read sample_read lab_test_read
        procedure_read customer_read inventory_read report_read genomics_read
        audit_export report_create report_export lab_test_approve
        customer_create customer_update customer_delete inventory_update
    """,
    "researcher": """
        animal_read sample_read lab_test_read procedure_read genomics_read inventory_read
        sample_create sample_update lab_test_create lab_test_update report_create report_read report_export
    """,
    "veterinarian": """
        animal_create animal_read animal_update animal_delete procedure_create procedure_read procedure_update
        sample_read customer_read inventory_read lab_test_create lab_test_read report_create report_read
    """,
    "lab_technician": """
        sample_create sample_read sample_update lab_test_create lab_test_read lab_test_update
        inventory_read inventory_update animal_read procedure_read report_read
    """,
    "viewer": """
        animal_read sample_read lab_test_read procedure_read customer_read inventory_read report_read genomics_read
    """,
}


@pytest.fixture(autouse=True)
def loaded(db):
    load_default_data()


def test_the_permissions_are_the_39_in_their_order():
    expected = [
        (f"{resource}_{action}", resource, action)
        for resource, actions in PERMISSIONS.items()
        for action in actions.split()
    ]
    assert len(expected) == 39
    assert list(Permission.objects.values_list("name", "resource", "action")) == expected
    assert ALL.split() == [name for name, _, _ in expected]


def test_every_permission_is_described_differently():
    descriptions = Permission.objects.values_list("description", flat=True)
    assert all(descriptions)
    assert len(set(descriptions)) == 39


def test_the_roles_are_the_7_in_their_order_all_of_the_system():
    assert list(Role.objects.values_list("name", "slug", "description")) == ROLES
    assert Role.objects.filter(is_system=True).count() == 7


@pytest.mark.parametrize("slug", HOLDINGS)
def test_a_role_holds_what_the_contract_says(slug):
    assert sorted(Role.objects.get(slug=slug).permission_names) == sorted(HOLDINGS[slug].split())


def test_the_api_tells_the_same(super_admin):
    roles = super_admin.get("/api/roles").json()["roles"]
    loaded_roles = [(role["name"], role["slug"], role["description"]) for role in roles]
    assert loaded_roles == ROLES
    assert {role["slug"]: sorted(role["permissions"]) for role in roles} == {
        slug: sorted(held.split()) for slug, held in HOLDINGS.items()
    }
    permissions = super_admin.get("/api/permissions").json()["permissions"]
    assert [permission["name"] for permission in permissions] == ALL.split()


def test_a_user_may_do_exactly_what_their_roles_hold(cast):
    for slug, user in cast.by_slug().items():
        held = set(HOLDINGS.get(slug, "").split())
        assert {name for name in ALL.split() if user.has_perm(name)} == held
        assert user.get_all_permissions() == held
        assert user.has_perms(held)
        assert not user.has_perm("no_such")
        assert user.is_staff == (slug == "super_admin")


def test_a_permission_is_held_for_everything_or_not_at_all(cast):
    """Django asks for single objects too: no permission of ours is about one, so none is held for one."""
    admin = User.objects.get(pk=cast.super_admin.pk)
    assert admin.has_perm("user_read")
    assert not admin.has_perm("user_read", cast.viewer)
    assert not admin.has_perms(["user_read"], cast.viewer)
    assert admin.get_all_permissions(cast.viewer) == set()
