"""What someone may not do to an account or a role is in its history, whichever interface they tried."""

from types import SimpleNamespace

import pytest

from accounts.models import Role, User
from accounts.roles import services as role_services
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv import import_users
from audit.models import Action, AuditLog
from audit.services import record
from reprotech.core.exceptions import Forbidden, ValidationFailed
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller, page_client


@pytest.fixture
def officer(cast, make_role):
    """Someone who may change accounts and roles, but holds nothing beyond that."""
    own = ("user_create", "user_read", "user_update", "user_delete", "session_revoke", "audit_read")
    make_role("Officer", *own, "role_read", "role_create", "role_update", "role_delete")
    return make_user("officer", "Officer")


#: By name: how an officer tries it, with an account and a role that hold more.
ON_USERS = {
    "api unlock": lambda o, u, _: Caller(o).post(f"/api/users/{u.pk}/unlock"),
    "api change": lambda o, u, _: Caller(o).patch(f"/api/users/{u.pk}", {"first_name": "X"}),
    "api delete": lambda o, u, _: Caller(o).delete(f"/api/users/{u.pk}"),
    "api erase": lambda o, u, _: Caller(o).delete(f"/api/users/{u.pk}/personal-data"),
    "api reset": lambda o, u, _: Caller(o).post(f"/api/users/{u.pk}/reset-password", {}),
    "api role": lambda o, _, r: Caller(o).patch(
        f"/api/users/{User.objects.get(username='plain').pk}", {"roles": [r.name]}
    ),
    "page unlock": lambda o, u, _: page_client(o).post(f"/users/{u.pk}/unlock"),
    "page bulk": lambda o, u, _: page_client(o).post("/users/selected/activate", {"user": [u.pk]}),
    "service bulk": lambda o, u, _: bulk.set_active(actor=o, user_ids=[u.pk], is_active=True),
    "service erase": lambda o, u, _: Caller(o).delete(f"/api/users/{u.pk}/personal-data"),
}


def plain():
    return User.objects.get(username="plain")


def new_user(role):
    return {"username": "made", "email": "made@lab.example", "password": "Correct-Horse-7", "roles": [role.name]}


def import_of(actor, role):
    fields = {"username": "made", "email": "made@lab.example", "first_name": "", "last_name": ""}
    with pytest.raises(ValidationFailed):
        import_users.import_users(actor=actor, rows=[import_users.ImportRow(2, fields, (role.name,))])


ON_ROLES = {
    "api change": lambda o, r: Caller(o).patch(f"/api/roles/{r.pk}", {"description": "X"}),
    "api delete": lambda o, r: Caller(o).delete(f"/api/roles/{r.pk}"),
    "api new user": lambda o, r: Caller(o).post("/api/users", new_user(r)),
    "page change": lambda o, r: page_client(o).post(f"/roles/{r.pk}/edit", {"name": r.name, "description": "X"}),
    "import": import_of,
}


def refusal(rows):
    """The one refusal: what it is about, and the permission that is missing."""
    (row,) = [row for row in rows if row.action == Action.ACCESS_DENIED]
    return (row.resource, row.resource_id, row.resource_name), row.details["required"]


@pytest.mark.parametrize("attempt", ON_USERS.values(), ids=ON_USERS)
def test_what_may_not_be_done_to_an_account_is_filed_under_it(cast, officer, attempt):
    make_user("plain")
    target = cast.researcher
    with audit_rows() as rows:
        attempt(officer, target, Role.objects.get(slug="researcher"))
    about, required = refusal(rows)
    if attempt is ON_USERS["api role"]:
        target = plain()
    assert about == ("user", str(target.pk), target.username)
    assert required == "animal_read"
    found = Caller(cast.admin).get(f"/api/audit?involving={target.pk}&action=access_denied").json()
    assert [log["resource_name"] for log in found["logs"]] == [target.username]


@pytest.mark.parametrize("attempt", ON_ROLES.values(), ids=ON_ROLES)
def test_what_may_not_be_done_with_a_role_is_filed_under_it(officer, attempt):
    role = Role.objects.get(slug="researcher")
    with audit_rows() as rows:
        attempt(officer, role)
    assert refusal(rows) == (("role", str(role.pk), "Researcher"), "animal_read")


def test_a_new_role_that_would_hold_too_much_is_filed_under_its_name(officer):
    with audit_rows() as rows, pytest.raises(Forbidden):
        role_services.create_role(actor=officer, name="Grand", permissions=["animal_read"])
    assert refusal(rows) == (("role", "", "Grand"), "animal_read")


#: By name: who is refused by the view already, where, and what is missing.
INTERFACES = {
    "api": (lambda c, p: Caller(c.viewer).post(f"/api/users/{p.user}/lock"), "user", "user_update"),
    "api read": (lambda c, p: Caller(c.viewer).get(f"/api/users/{p.user}"), "user", "user_read"),
    "api role": (lambda c, p: Caller(c.viewer).delete(f"/api/roles/{p.role}"), "role", "role_delete"),
    "page": (lambda c, p: page_client(c.viewer).post(f"/users/{p.user}/delete"), "user", "user_delete"),
    "page role": (lambda c, p: page_client(c.viewer).get(f"/roles/{p.role}/edit"), "role", "role_update"),
    "admin": (lambda c, p: page_client(c.admin).get(f"/admin/accounts/user/{p.user}/change/"), "user", "admin_site"),
    "service": (lambda c, p: denied(user_services.lock_user, c.viewer, user_id=p.user), "user", "user_update"),
    "service role": (lambda c, p: denied(role_services.delete_role, c.viewer, role_id=p.role), "role", "role_delete"),
}


def denied(service, actor, **arguments):
    with pytest.raises(Forbidden):
        service(actor=actor, **arguments)


@pytest.mark.parametrize(("attempt", "resource", "required"), INTERFACES.values(), ids=INTERFACES)
def test_who_is_refused_by_the_view_is_filed_there_too(cast, attempt, resource, required):
    role = Role.objects.get(slug="manager")
    with audit_rows() as rows:
        attempt(cast, SimpleNamespace(user=cast.manager.pk, role=role.pk))
    record_of = cast.manager if resource == "user" else role
    assert refusal(rows) == ((resource, str(record_of.pk), str(record_of)), required)


def test_who_is_not_there_is_named_by_the_number_alone(cast):
    for number in (2**40, 10**80):
        with audit_rows() as rows:
            assert Caller(cast.viewer).post(f"/api/users/{number}/lock").status_code == 403
        assert refusal(rows) == (("user", str(number)[:64], ""), "user_update")


def test_refusals_that_were_filed_under_another_resource_are_found_too(cast):
    user, other = cast.researcher, cast.viewer
    old = [
        record(actor=cast.viewer, action=Action.ACCESS_DENIED, resource=resource, resource_id=user.pk,
               resource_name=user.username, success=False, required=f"{resource}_read", method="POST", path=path)
        for resource, path in (
            ("animal", f"/api/users/{user.pk}/lock"),
            ("audit", f"/users/{user.pk}/edit"),
            ("lab_test", f"/api/roles/{user.pk}"),  # about a role
        )
    ]  # fmt: skip
    found = list(AuditLog.objects.involving(user.pk).filter(action=Action.ACCESS_DENIED).order_by("pk"))
    assert found == old[:2]
    assert old[1] in AuditLog.objects.latest_around(user.pk, 5)
    assert not AuditLog.objects.involving(other.pk).filter(pk__in=[row.pk for row in old], user_id=user.pk).exists()
    page = page_client(cast.admin).get(f"/users/{user.pk}/activity").content.decode()
    assert f"/audit/{old[0].pk}" in page
