"""Nobody can raise anyone, themselves included, above what they hold: every way to try, by everybody."""

from dataclasses import dataclass

import pytest
from django.utils import timezone

from accounts.models import Role, RoleGrant, Session, User
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Forbidden
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller

NOW = timezone.now()
NEW = {"username": "new-one", "email": "new-one@lab.example", "password": PASSWORD}


def everything():
    """All that an escalation could change."""
    return (
        sorted(User.objects.values_list("id", "username", "email", "password", "is_active", "locked_at", "deleted_at")),
        sorted(RoleGrant.objects.values_list("user_id", "role_id")),
        sorted(Role.permissions.through.objects.values_list("role_id", "permission_id")),
        sorted(Role.objects.values_list("id", "name", "slug", "description")),
        sorted(Session.objects.values_list("id", "ended_at")),
    )


@dataclass
class Scenario:
    """Whom the attacks are aimed at."""

    actor: User
    target: User
    top: User
    bystander: User
    session: Session
    big: Role
    own: Role


@pytest.fixture
def scenario(cast, clerk):
    """A clerk, who may change users and roles, and an administrator, who holds more."""
    return Scenario(
        actor=clerk,
        target=cast.admin,
        top=cast.super_admin,
        bystander=cast.stranger,
        session=Caller(cast.admin).signed_in.session,
        big=Role.objects.get(slug="admin"),
        own=Role.objects.get(name="Clerk"),
    )


ATTACKS = {
    "give oneself a role with more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.actor.pk, roles=["Clerk", "viewer"]
    ),
    "give another a role with more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.bystander.pk, roles=["viewer"]
    ),
    "create someone with more": lambda s: user_services.create_user(actor=s.actor, **NEW, roles=["viewer"]),
    "add a permission to one's own role": lambda s: role_services.update_role(
        actor=s.actor, role_id=s.own.pk, permissions=["role_update", "audit_read"]
    ),
    "create a role with more": lambda s: role_services.create_role(
        actor=s.actor, name="Mine", permissions=["audit_read"]
    ),
    "take from a role that holds more": lambda s: role_services.update_role(
        actor=s.actor, role_id=s.big.pk, permissions=["user_read"]
    ),
    "describe a role that holds more": lambda s: role_services.update_role(
        actor=s.actor, role_id=s.big.pk, description="Changed"
    ),
    "delete a role that holds more": lambda s: role_services.delete_role(actor=s.actor, role_id=s.big.pk),
    "take a role from who holds more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.target.pk, roles=[]
    ),
    "rename who holds more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.target.pk, username="renamed"
    ),
    "redirect the mail of who holds more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.target.pk, email="clerk@lab.example"
    ),
    "deactivate a Super Administrator": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.top.pk, is_active=False
    ),
    "deactivate and rename who holds more": lambda s: user_services.update_user(
        actor=s.actor, user_id=s.target.pk, is_active=False, username="renamed"
    ),
    "lock a Super Administrator": lambda s: user_services.lock_user(actor=s.actor, user_id=s.top.pk),
    "unlock who holds more": lambda s: user_services.unlock_user(actor=s.actor, user_id=s.target.pk),
    "delete who holds more": lambda s: user_services.delete_user(actor=s.actor, user_id=s.target.pk),
    "reset the password of who holds more": lambda s: password_services.reset_password(
        actor=s.actor, user_id=s.target.pk, password="Other-Horse-8"
    ),
    "mail a link to who holds more": lambda s: password_services.send_password_reset(
        actor=s.actor, user_id=s.target.pk
    ),
    "end a session without the permission": lambda s: session_services.end_session(
        actor=s.actor, session_id=s.session.pk
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attempt_is_denied_undone_and_on_record(scenario, attack, mailoutbox, django_capture_on_commit_callbacks):
    before = everything()
    with django_capture_on_commit_callbacks(execute=True), audit_rows() as rows, pytest.raises(Forbidden) as denial:
        attack(scenario)
    assert everything() == before
    assert denial.value.required not in User.objects.get(pk=scenario.actor.pk).grants.permissions
    (row,) = rows
    assert (row.username, row.action, row.success) == ("the-clerk", "access_denied", False)
    assert row.details["required"] == denial.value.required
    assert mailoutbox == []


def test_the_same_is_allowed_up_to_what_one_holds(scenario):
    peer = make_user("peer", "Clerk")
    actor = scenario.actor
    role_services.update_role(actor=actor, role_id=scenario.own.pk, description="Ours")
    user_services.create_user(actor=actor, **NEW, roles=["Clerk"])
    user_services.update_user(actor=actor, user_id=peer.pk, roles=[])
    user_services.update_user(actor=actor, user_id=peer.pk, roles=["Clerk"])
    user_services.lock_user(actor=actor, user_id=peer.pk)
    user_services.unlock_user(actor=actor, user_id=peer.pk)
    password_services.reset_password(actor=actor, user_id=peer.pk, password="Other-Horse-8")
    user_services.delete_user(actor=actor, user_id=peer.pk)


def test_a_target_that_rose_meanwhile_is_out_of_reach(scenario):
    # The check is made by the database, not by what the actor or the view read before.
    peer = make_user("peer", "Clerk")
    stale = User.objects.get(pk=scenario.actor.pk)
    assert stale.grants.permissions
    user_services.update_user(actor=User.objects.get(username="the-super_admin"), user_id=peer.pk, roles=["admin"])
    with pytest.raises(Forbidden):
        user_services.unlock_user(actor=stale, user_id=peer.pk)
    Role.objects.get(name="Clerk").permissions.clear()
    with pytest.raises(Forbidden):
        user_services.create_user(actor=stale, **NEW)


@pytest.mark.parametrize(
    "kept_out", [{"is_active": False}, {"locked_at": NOW}, {"deleted_at": NOW}], ids=lambda values: next(iter(values))
)
def test_who_was_kept_out_meanwhile_changes_nothing(cast, kept_out):
    """They still have their roles: a request may have begun before."""
    with explicitly_recorded():
        User.objects.filter(pk=cast.admin.pk).update(**kept_out)
    before = everything()
    for attempt in (
        lambda: user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, first_name="Eve"),
        lambda: role_services.create_role(actor=cast.admin, name="Mine", permissions=["animal_read"]),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert everything() == before


def test_reassigning_by_deleting_a_role_raises_nobody(cast, clerk, make_role):
    small = make_role("Small", "user_read")
    holder = make_user("holder", "Small")
    for other in ("viewer", "admin", "super_admin"):
        before = everything()
        with audit_rows() as rows, pytest.raises(Forbidden):
            role_services.delete_role(actor=clerk, role_id=small.pk, reassign_to=other)
        assert everything() == before
        assert [(row.username, row.action) for row in rows] == [("the-clerk", "access_denied")]
    role_services.delete_role(actor=clerk, role_id=small.pk, reassign_to="Clerk")
    assert User.objects.get(pk=holder.pk).grants.role_names == ("Clerk",)


def test_deleting_a_role_of_someone_who_holds_more_is_denied(cast, clerk, make_role):
    small = make_role("Small", "user_read")
    make_user("holder", "Small", "viewer")
    before = everything()
    with pytest.raises(Forbidden):
        role_services.delete_role(actor=clerk, role_id=small.pk, reassign_to="Clerk")
    assert everything() == before


# By the API, as everybody: what only a Super Administrator may do.


def api_attacks(cast, caller):
    """Method, path and body of what nobody but a Super Administrator may do."""
    top, me = cast.super_admin, caller.user
    own_role = me.roles.first() or Role.objects.get(slug="viewer")
    user, role = f"/api/users/{top.pk}", "/api/roles"
    session = Caller(top).signed_in.session
    # In use: its deletion moves users to a role with everything.
    small = Role.objects.get(name="Small")
    return [
        ("PATCH", f"/api/users/{me.pk}", {"roles": ["super_admin"]}),
        ("PUT", f"/api/users/{me.pk}", {"roles": [*(r.name for r in me.roles.all()), "Super Administrator"]}),
        ("PATCH", f"/api/users/{cast.stranger.pk}", {"roles": ["super_admin"]}),
        ("POST", "/api/users", {**NEW, "roles": ["super_admin"]}),
        ("POST", role, {"name": "Mine", "permissions": ["settings_update"]}),
        ("PATCH", f"{role}/{own_role.pk}", {"permissions": [*own_role.permission_names, "role_delete"]}),
        ("PATCH", f"{role}/{Role.objects.get(slug='super_admin').pk}", {"description": "Mine"}),
        ("DELETE", f"{role}/{small.pk}?reassign_to=super_admin", None),
        ("PATCH", user, {"username": "mine"}),
        ("PATCH", user, {"email": "mine@lab.example"}),
        ("PATCH", user, {"is_active": False}),
        ("PATCH", user, {"roles": []}),
        ("DELETE", user, None),
        ("POST", f"{user}/lock", None),
        ("POST", f"{user}/unlock", None),
        ("POST", f"{user}/reset-password", {"password": "Mine-Horse-9"}),
        ("POST", f"{user}/reset-password", {}),
        ("DELETE", f"/api/auth/sessions/{session.pk}", None),
    ]


SLUGS = ["admin", "manager", "researcher", "veterinarian", "lab_technician", "viewer", "stranger"]


@pytest.mark.parametrize("slug", SLUGS)
def test_by_the_api_nobody_else_reaches_up(cast, slug, make_role):
    make_role("Small", "animal_read")
    make_user("holder", "Small")
    caller = Caller(cast.by_slug()[slug])
    attacks = api_attacks(cast, caller)
    assert caller.get("/api/auth/me").status_code == 200
    held = set(caller.user.grants.permissions)
    before = everything()
    for method, path, body in attacks:
        with audit_rows() as rows:
            answer = caller.call(method, path, body)
        assert answer.status_code == 403, (method, path, body, answer.content)
        assert answer.json()["error"] == "Insufficient permissions"
        required = answer.json()["required"]
        assert required not in held
        assert everything() == before, (method, path, body)
        (row,) = rows
        assert (row.username, row.action, row.details["required"]) == (caller.user.username, "access_denied", required)
        assert (row.ip_address, row.user_agent) == (caller.address, caller.user_agent)
        assert row.request_id == answer.json()["request_id"]


def test_by_the_api_another_super_administrator_may(cast, make_role):
    make_role("Small", "animal_read")
    make_user("holder", "Small")
    caller = Caller(make_user("second-super", "super_admin"))
    answers = [caller.call(*attack).status_code for attack in api_attacks(cast, caller)]
    # From the deletion of the other one on there is nobody left to attack.
    assert answers == [200, 200, 200, 201, 201, *[200] * 8, *[404] * 5]
