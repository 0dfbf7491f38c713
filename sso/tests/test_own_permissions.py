"""Applications bring permissions of their own: registering gives them to nobody, and nothing that is held vanishes."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key
from accounts.models import Permission, Role, User
from accounts.roles.services import create_role, update_role
from accounts.users.default_data import load_default_data
from accounts.users.services import update_user
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.testing.cast import at_once, audit_rows, make_user
from sso.applications.own_permissions import (
    MAX_PERMISSIONS,
    actor_of,
    register_own_permissions,
    register_permissions,
)
from sso.applications.services import create_application, delete_application
from sso.exceptions import InvalidClient
from sso.models import Application
from sso.tests.support.sign_ins import make_application

pytestmark = pytest.mark.django_db
RUN = {"resource": "run", "action": "start", "description": "Start runs"}
STOP = {**RUN, "action": "stop", "description": "Stop runs"}
METHOD = {"resource": "method", "action": "read", "description": "Read methods"}
START_NAME, STOP_NAME, METHOD_NAME = "hplc.run_start", "hplc.run_stop", "hplc.method_read"


@pytest.fixture
def hplc(cast):
    return make_application("HPLC")


def register(application, *entries, actor=SYSTEM):
    return register_permissions(actor=actor, application_id=application.pk, permissions=list(entries))


def names(permissions):
    return [permission.name for permission in permissions]


def held_by(role):
    return {name for name in Role.objects.get(slug=role).permission_names if "." in name}


def refusal(application, *entries):
    with pytest.raises(ValidationFailed) as refused:
        register(application, *entries)
    assert not Permission.objects.of_applications().exists()
    return refused.value.errors["permissions"]


def test_registering_gives_them_to_nobody_but_super_administrator(cast, hplc):
    before = {role.slug: set(role.permission_names) for role in Role.objects.exclude(slug="super_admin")}
    found = register(hplc, RUN, METHOD)
    assert (found.added, found.kept, found.retired) == ([METHOD_NAME, START_NAME], [], [])
    assert {role.slug: set(role.permission_names) for role in Role.objects.exclude(slug="super_admin")} == before
    assert User.objects.get(pk=cast.super_admin.pk).has_perm(START_NAME)
    assert not User.objects.get(pk=cast.admin.pk).has_perm(START_NAME)
    assert Permission.objects.of_catalogue().count() == 39


def test_it_is_idempotent_and_says_what_was_added_kept_and_retired(cast, hplc):
    register(hplc, RUN, STOP)
    with audit_rows() as rows:
        again = register(hplc, STOP, RUN)
    assert (again.added, again.kept, again.retired) == ([], [START_NAME, STOP_NAME], [])
    assert rows == []
    update_role(actor=SYSTEM, role_id=Role.objects.get(slug="manager").pk, permissions=[STOP_NAME])
    found = register(hplc, METHOD)
    assert (found.added, found.kept, found.retired) == ([METHOD_NAME], [], [START_NAME, STOP_NAME])
    # Held by nobody, it is gone; held by a role, it is retired.
    assert names(found.permissions) == [METHOD_NAME, STOP_NAME]
    assert Permission.objects.get(name=STOP_NAME).is_retired
    assert held_by("manager") == {STOP_NAME}
    assert held_by("super_admin") == {METHOD_NAME, STOP_NAME}


def test_what_was_retired_can_come_back_and_goes_once_no_role_holds_it(cast, hplc):
    register(hplc, STOP)
    manager = Role.objects.get(slug="manager")
    update_role(actor=SYSTEM, role_id=manager.pk, permissions=[STOP_NAME])
    register(hplc)
    assert register(hplc, STOP).added == [STOP_NAME]
    assert not Permission.objects.get(name=STOP_NAME).is_retired
    register(hplc)
    update_role(actor=SYSTEM, role_id=manager.pk, permissions=[])
    register(hplc, METHOD)
    assert not Permission.objects.filter(name=STOP_NAME).exists()


def test_the_event_has_the_set_before_and_after(cast, hplc):
    register(hplc, RUN)
    with audit_rows() as rows:
        register(hplc, {**RUN, "description": "Begin runs"}, METHOD, actor=cast.super_admin)
    role, row = rows
    assert (role.resource, role.resource_name) == ("role", "Super Administrator")
    assert role.details["changes"] == {"permissions": [[START_NAME], [METHOD_NAME, START_NAME]]}
    assert (row.username, row.action, row.resource, row.resource_name) == (
        "the-super_admin",
        "update",
        "permission",
        "HPLC",
    )
    assert row.details["changes"] == {"permissions": [[START_NAME], [METHOD_NAME, START_NAME]]}
    assert row.details["described"] == [START_NAME]
    with audit_rows() as rows:
        register(hplc)
    assert [row.action for row in rows] == ["update", "delete"]
    with audit_rows() as rows:
        register(hplc, RUN)
    assert [row.action for row in rows] == ["update", "create"]


WRONG = {
    "the resource": [
        {**RUN, "resource": part} for part in ("", "Run", "1run", "run-x", "r" * 33, "run.x", "rün", "a\n")
    ],
    "the action": [{**RUN, "action": part} for part in ("", "Start", "_x", "*")],
    "describe it": [{**RUN, "description": text} for text in ("", "  ", "x" * 201, "a\nb", "a\u202eb")],
    "more than 64 characters": [{**RUN, "resource": "r" * 32, "action": "a" * 32}],
}


@pytest.mark.parametrize(("sentence", "entry"), [(text, entry) for text, all_of in WRONG.items() for entry in all_of])
def test_wrong_permissions_are_refused_with_number_and_reason(hplc, sentence, entry):
    (found,) = refusal(hplc, METHOD, entry)
    assert found.startswith("Permission 2: ")
    assert sentence in found


def test_two_of_one_name_and_too_many_are_refused(hplc):
    parts = ({**RUN, "resource": "a_b", "action": "c"}, {**RUN, "resource": "a", "action": "b_c"})
    assert refusal(hplc, *parts) == ["Permission 2: hplc.a_b_c is there twice."]
    many = [{**RUN, "action": f"a{number}"} for number in range(MAX_PERMISSIONS + 1)]
    assert refusal(hplc, *many) == ["Give at most 500 permissions."]
    assert len(register(hplc, *many[:-1]).added) == MAX_PERMISSIONS


def test_only_who_may_change_settings_registers_them(cast, hplc):
    with pytest.raises(Forbidden) as refused:
        register(hplc, RUN, actor=cast.admin)
    assert refused.value.required == "settings_update"


def test_an_application_registers_its_own_as_itself(cast, hplc):
    with audit_rows() as rows:
        register_own_permissions(actor=actor_of(hplc), client=hplc, permissions=[RUN])
    assert {row.username for row in rows} == {"application HPLC"}
    Application.objects.filter(pk=hplc.pk).update(is_active=False)
    with pytest.raises(InvalidClient):
        register_own_permissions(actor=actor_of(hplc), client=hplc, permissions=[])
    assert Permission.objects.filter(name=START_NAME).exists()


def test_nobody_gives_what_they_do_not_hold(cast, hplc):
    register(hplc, RUN, STOP)
    role = create_role(actor=SYSTEM, name="Operator")
    with pytest.raises(Forbidden) as refused:
        update_role(actor=cast.admin, role_id=role.pk, permissions=[START_NAME])
    assert refused.value.required == START_NAME
    update_role(actor=cast.super_admin, role_id=role.pk, permissions=[START_NAME])
    with pytest.raises(Forbidden) as refused:
        update_user(actor=cast.admin, user_id=cast.viewer.pk, roles=["Viewer", "Operator"])
    assert refused.value.required == START_NAME
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, roles=["Viewer", "Operator"])
    assert User.objects.get(pk=cast.viewer.pk).has_perm(START_NAME)
    with pytest.raises(Forbidden):  # an account that holds more than they do
        update_user(actor=cast.admin, user_id=cast.viewer.pk, first_name="Ann")


def test_a_retired_one_is_given_to_nobody_more_and_kept_by_who_has_it(cast, hplc):
    register(hplc, RUN)
    holder = create_role(actor=SYSTEM, name="Operator", permissions=[START_NAME])
    other = create_role(actor=SYSTEM, name="Guest")
    register(hplc)
    for call in (
        lambda: update_role(actor=SYSTEM, role_id=other.pk, permissions=[START_NAME]),
        lambda: create_role(actor=SYSTEM, name="More", permissions=[START_NAME]),
    ):
        with pytest.raises(ValidationFailed) as refused:
            call()
        assert "is retired" in refused.value.errors["permissions"][0]
    update_role(actor=SYSTEM, role_id=holder.pk, permissions=[START_NAME, "report_read"])
    assert Role.objects.get(pk=holder.pk).permission_names == ["report_read", START_NAME]
    update_role(actor=SYSTEM, role_id=holder.pk, permissions=["report_read"])
    with pytest.raises(ValidationFailed):
        update_role(actor=SYSTEM, role_id=holder.pk, permissions=["report_read", START_NAME])


def test_a_key_can_be_limited_to_them(cast, hplc):
    register(hplc, RUN)
    robot = make_user("robot", "super_admin", is_service=True, password=None)
    key = create_key(actor=SYSTEM, user_id=robot.pk, name="HPLC", scopes=[START_NAME, "report_read"]).key
    assert key.scopes == ["report_read", START_NAME]
    with pytest.raises(ValidationFailed) as refused:
        create_key(actor=SYSTEM, user_id=robot.pk, name="HPLC", scopes=[STOP_NAME])
    assert refused.value.errors == {"scopes": [f"There is no permission {STOP_NAME}."]}


def test_init_data_leaves_them_alone(cast, hplc):
    register(hplc, RUN, STOP)
    viewer = Role.objects.get(slug="viewer")
    viewer.permissions.add(Permission.objects.get(name=START_NAME))
    create_role(actor=SYSTEM, name="Operator", permissions=[STOP_NAME])
    register(hplc, RUN)
    before = list(Role.permissions.through.objects.order_by("pk").values())
    stored = list(Permission.objects.order_by("pk").values())
    assert load_default_data()[0] == 0
    assert list(Role.permissions.through.objects.order_by("pk").values()) == before
    assert list(Permission.objects.order_by("pk").values()) == stored
    # And what it puts right, it puts right beside them.
    viewer.permissions.remove(Permission.objects.get(name="animal_read"))
    Role.objects.get(slug="super_admin").permissions.remove(Permission.objects.get(name=START_NAME))
    load_default_data()
    assert held_by("viewer") == {START_NAME}
    assert Role.objects.get(slug="viewer").permissions.filter(name="animal_read").exists()
    assert held_by("super_admin") == {START_NAME, STOP_NAME}


def test_a_deleted_application_leaves_what_roles_hold_and_its_short_name_is_not_taken(cast, hplc):
    register(hplc, RUN, STOP)
    role = create_role(actor=SYSTEM, name="Operator", permissions=[START_NAME])
    delete_application(actor=SYSTEM, application_id=hplc.pk)
    assert names(Permission.objects.of_applications()) == [START_NAME]
    assert Permission.objects.get(name=START_NAME).is_retired
    with pytest.raises(Conflict, match="Roles still hold"):
        create_application(actor=SYSTEM, name="HPLC", slug="hplc")
    update_role(actor=SYSTEM, role_id=role.pk, permissions=[])
    again = create_application(actor=SYSTEM, name="HPLC", slug="hplc").application
    assert register(again, STOP).added == [STOP_NAME]
    assert held_by("super_admin") == {STOP_NAME}


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_of_two_registrations_at_once_one_complete_set_stays(cast, hplc):
    first, second = [RUN, STOP], [METHOD, STOP]
    done = at_once(lambda: register(hplc, *first), lambda: register(hplc, *second))
    assert not [found for found in done if isinstance(found, Exception)]
    stored = set(Permission.objects.of_applications().values_list("name", flat=True))
    assert stored in ({START_NAME, STOP_NAME}, {METHOD_NAME, STOP_NAME})
    assert held_by("super_admin") == stored
