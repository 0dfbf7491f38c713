"""Creating, changing and deleting roles: the services themselves."""

import pytest

from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Role, User
from accounts.roles import services as role_services
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, ValidationFailed
from reprotech.testing.cast import audit_rows, make_user


def held(role):
    return Role.objects.get(pk=role.pk).permission_names


# Creating


def test_a_new_role_holds_what_was_asked_for_and_leaves_one_row(cast, expect_row):
    with audit_rows() as rows:
        role = role_services.create_role(
            actor=cast.admin, name="Night Shift", description="Feeds", permissions=["animal_read", "user_read"]
        )
    assert held(role) == ["user_read", "animal_read"]
    assert (role.slug, role.is_system) == ("night_shift", False)
    (row,) = rows
    changes = {
        "name": [None, "Night Shift"],
        "description": [None, "Feeds"],
        "permissions": [[], ["user_read", "animal_read"]],
    }
    expect_row(row, cast.admin, "create", role, resource="role", changes=changes)


@pytest.mark.parametrize("name", ["manager", "MANAGER", "lab_technician", "Lab Technician"])
def test_a_role_can_not_take_anothers_name_or_slug(cast, name):
    with audit_rows() as rows, pytest.raises(Conflict) as refusal:
        role_services.create_role(actor=cast.admin, name=name)
    assert list(refusal.value.errors) == ["name"]
    assert Role.objects.count() == 7
    assert rows == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("name", "---"),
        ("name", "bell\a"),
        ("description", "x" * 201),
        ("description", "line\x00"),
        ("permissions", ["user_fly"]),
        ("permissions", ["user_read", "*"]),
    ],
)
def test_an_invalid_field_is_named(cast, field, value):
    with audit_rows() as rows, pytest.raises(ValidationFailed) as refusal:
        role_services.create_role(actor=cast.super_admin, **{"name": "New", field: value})
    assert list(refusal.value.errors) == [field]
    assert Role.objects.count() == 7
    assert rows == []


def test_a_role_can_not_be_created_with_more_than_its_creator_holds(cast, expect_row):
    with audit_rows() as rows, pytest.raises(Forbidden) as denial:
        role_services.create_role(actor=cast.admin, name="Mine", permissions=["user_read", "settings_update"])
    assert denial.value.required == "settings_update"
    assert not Role.objects.filter(name="Mine").exists()
    (row,) = rows
    assert (row.action, row.resource, row.resource_id, row.resource_name) == ("access_denied", "role", "", "Mine")
    assert (row.username, row.details["required"]) == ("the-admin", "settings_update")


# Changing


def test_a_changed_role_leaves_one_row_with_old_and_new(cast, make_role, expect_row):
    role = make_role("Shift", "animal_read")
    with audit_rows() as rows:
        role_services.update_role(
            actor=cast.admin,
            role_id=role.pk,
            name="Night Shift",
            description="At night",
            permissions=["sample_read", "animal_read"],
        )
    role = Role.objects.get(pk=role.pk)
    assert (role.name, role.slug, role.is_customized) == ("Night Shift", "shift", False)
    (row,) = rows
    changes = {
        "name": ["Shift", "Night Shift"],
        "description": ["", "At night"],
        "permissions": [["animal_read"], ["animal_read", "sample_read"]],
    }
    expect_row(row, cast.admin, "update", role, resource="role", changes=changes)


def test_a_renamed_role_keeps_the_slug_and_no_other_role_gets_it(cast):
    role = role_services.create_role(actor=cast.admin, name="Night Shift")
    for name in ("Late Shift", "Spätschicht", "Night Shift", "Late Shift"):
        role = role_services.update_role(actor=cast.admin, role_id=role.pk, name=name)
        assert role.slug == "night_shift"
    sentence = "The role Late Shift was called that before, and programs still know it by that name. Choose another."
    other = role_services.create_role(actor=cast.admin, name="Nights")
    for call in (
        lambda: role_services.create_role(actor=cast.admin, name="night shift"),
        lambda: role_services.update_role(actor=cast.admin, role_id=other.pk, name="Night_Shift"),
    ):
        with pytest.raises(Conflict) as refusal:
            call()
        assert refusal.value.errors == {"name": [sentence]}
    with pytest.raises(ValidationFailed):
        role_services.update_role(actor=cast.admin, role_id=role.pk, name="---")
    assert Role.objects.named("Late Shift") == Role.objects.named("night_shift") == role


def test_a_change_to_what_is_already_so_leaves_no_row(cast, make_role):
    role = make_role("Shift", "animal_read", "sample_read")
    with audit_rows() as rows:
        role_services.update_role(
            actor=cast.admin, role_id=role.pk, name="Shift", description="", permissions=["sample_read", "animal_read"]
        )
    assert rows == []


def test_a_system_role_can_be_edited_and_is_marked(cast):
    viewer = Role.objects.get(slug="viewer")
    role_services.update_role(actor=cast.admin, role_id=viewer.pk, permissions=["animal_read"])
    assert held(viewer) == ["animal_read"]
    assert Role.objects.get(pk=viewer.pk).is_customized
    assert User.objects.get(pk=cast.viewer.pk).grants.permissions == {"animal_read"}


def test_a_system_role_can_be_neither_renamed_nor_deleted(cast):
    viewer = Role.objects.get(slug="viewer")
    with audit_rows() as rows:
        with pytest.raises(Conflict) as refusal:
            role_services.update_role(actor=cast.super_admin, role_id=viewer.pk, name="Guest", permissions=[])
        with pytest.raises(Conflict):
            role_services.delete_role(actor=cast.super_admin, role_id=viewer.pk)
        with pytest.raises(Conflict):
            role_services.delete_role(actor=cast.super_admin, role_id=viewer.pk, reassign_to="manager")
    assert list(refusal.value.errors) == ["name"]
    assert (Role.objects.get(pk=viewer.pk).name, len(held(viewer))) == ("Viewer", 8)
    assert rows == []


def test_super_administrator_always_holds_everything(cast):
    role = Role.objects.get(slug="super_admin")
    for fewer in ([], ["user_read"], PERMISSION_NAMES[1:]):
        with audit_rows() as rows, pytest.raises(Conflict) as refusal:
            role_services.update_role(actor=cast.super_admin, role_id=role.pk, permissions=list(fewer))
        assert list(refusal.value.errors) == ["permissions"]
        assert rows == []
    assert held(role) == list(PERMISSION_NAMES)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"name": "VIEWER"}, Conflict),
        ({"name": ""}, ValidationFailed),
        ({"description": "x" * 201}, ValidationFailed),
        ({"permissions": ["user_fly"]}, ValidationFailed),
    ],
)
def test_a_refused_change_leaves_the_role_as_it_was(cast, make_role, change, kind):
    role = make_role("Shift", "animal_read")
    given = {"name": "Changed", "description": "Changed", "permissions": ["sample_read"], **change}
    with audit_rows() as rows, pytest.raises(kind) as refusal:
        role_services.update_role(actor=cast.super_admin, role_id=role.pk, **given)
    assert list(refusal.value.errors) == list(change)
    stored = Role.objects.get(pk=role.pk)
    assert (stored.name, stored.description, held(role)) == ("Shift", "", ["animal_read"])
    assert rows == []


# Deleting


def test_a_role_that_nobody_holds_is_deleted(cast, make_role, expect_row):
    role = make_role("Shift", "animal_read")
    with audit_rows() as rows:
        role_services.delete_role(actor=cast.super_admin, role_id=role.pk)
    assert not Role.objects.filter(pk=role.pk).exists()
    (row,) = rows
    changes = {"name": ["Shift", None], "permissions": [["animal_read"], []]}
    expect_row(row, cast.super_admin, "delete", role, resource="role", changes=changes)


def test_a_role_in_use_is_kept(cast, make_role):
    role = make_role("Shift", "animal_read")
    user = make_user("holder", "Shift")
    with audit_rows() as rows, pytest.raises(Conflict, match="1 user"):
        role_services.delete_role(actor=cast.super_admin, role_id=role.pk)
    assert User.objects.get(pk=user.pk).grants.role_names == ("Shift",)
    assert rows == []


def test_a_role_of_deleted_users_alone_is_not_in_use(cast, make_role):
    role = make_role("Shift", "animal_read")
    user = make_user("holder", "Shift")
    user_services.delete_user(actor=cast.admin, user_id=user.pk)
    role_services.delete_role(actor=cast.super_admin, role_id=role.pk)
    assert not Role.objects.filter(pk=role.pk).exists()


def test_reassigning_gives_everybody_the_other_role_each_on_record(cast, make_role, expect_row):
    role = make_role("Shift", "animal_read")
    only, also = make_user("only", "Shift"), make_user("also", "Shift", "viewer", "manager")
    with audit_rows() as rows:
        role_services.delete_role(actor=cast.super_admin, role_id=role.pk, reassign_to="viewer")
    assert User.objects.get(pk=only.pk).grants.role_names == ("Viewer",)
    assert User.objects.get(pk=also.pk).grants.role_names == ("Manager", "Viewer")
    assign, revoke, revoke_also, delete = rows
    both = ["Shift", "Viewer"]
    actor = cast.super_admin
    expect_row(assign, actor, "role_assign", only, roles=["Viewer"], changes={"roles": [["Shift"], both]})
    expect_row(revoke, actor, "role_revoke", only, roles=["Shift"], changes={"roles": [both, ["Viewer"]]})
    changes = {"roles": [["Manager", "Shift", "Viewer"], ["Manager", "Viewer"]]}
    # Their periods of the other role may have been merged, which no other word says.
    state = revoke_also.details["state"]
    expect_row(revoke_also, actor, "role_revoke", also, roles=["Shift"], changes=changes, state=state)
    assert [grant["role"] for grant in state["grants"]] == ["Manager", "Viewer"]
    changes = {"name": ["Shift", None], "permissions": [["animal_read"], []]}
    expect_row(delete, actor, "delete", role, resource="role", changes=changes)


@pytest.mark.parametrize("other", ["no such role", "Shift", "shift", ""])
def test_reassigning_needs_another_role(cast, make_role, other):
    role = make_role("Shift", "animal_read")
    user = make_user("holder", "Shift")
    with audit_rows() as rows, pytest.raises(ValidationFailed) as refusal:
        role_services.delete_role(actor=cast.super_admin, role_id=role.pk, reassign_to=other)
    assert list(refusal.value.errors) == ["reassign_to"]
    assert User.objects.get(pk=user.pk).grants.role_names == ("Shift",)
    assert rows == []


@pytest.mark.parametrize(
    "change",
    [
        lambda actor, pk: role_services.update_role(actor=actor, role_id=pk, description="Changed"),
        lambda actor, pk: role_services.delete_role(actor=actor, role_id=pk),
    ],
    ids=["update", "delete"],
)
def test_what_is_not_there_is_missing_and_what_is_there_needs_the_permission(cast, make_role, change):
    with audit_rows() as rows, pytest.raises(NotFound):
        change(cast.super_admin, 999_999)
    assert rows == []
    role = make_role("Shift")
    with audit_rows() as rows, pytest.raises(Forbidden):
        change(cast.manager, role.pk)
    assert [(row.username, row.action) for row in rows] == [("the-manager", "access_denied")]
    assert Role.objects.get(pk=role.pk).description == ""
