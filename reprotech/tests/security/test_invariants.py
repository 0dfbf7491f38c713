"""What must hold whatever anybody does: generated sequences of API calls by everybody, checked after each call."""

from collections import Counter
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Permission, Role, RoleGrant, Session, User
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller

#: The same sequences in every run: a failure is a bug, never bad luck.
PROFILE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=12,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)

CUSTOM_ROLES = {
    "Clerk": "user_create user_read user_update user_delete role_create role_read role_update role_delete",
    "Keeper": "user_update role_update session_revoke animal_read animal_update",
    "Empty": "",
}
PROFILE_FIELDS = ("username", "email", "first_name", "last_name", "is_active")

POWERFUL = ["the-super_admin", "actor-0", "the-admin", "actor-1", "actor-2", "actor-4"]

index = st.integers(0, 63)
#: Everybody acts, those who may do much more often.
actors = st.one_of(index, st.integers(-len(POWERFUL), -1))
few_permissions = st.lists(st.sampled_from(PERMISSION_NAMES), max_size=3, unique=True)
few_roles = st.lists(
    st.sampled_from(["super_admin", "admin", "manager", "viewer", "Clerk", "Keeper", "Empty", "no such role"]),
    max_size=2,
    unique=True,
)


@dataclass(frozen=True)
class World:
    """All users and roles, as the database has them."""

    users: dict
    roles: dict

    @classmethod
    def now(cls):
        roles = {
            role.pk: (role.name, role.description, frozenset(role.permission_names))
            for role in Role.objects.prefetch_related("permissions")
        }
        users = {
            user["id"]: {**user, "roles": set()}
            for user in User.objects.values(
                "id", *PROFILE_FIELDS, "password", "must_change_password", "locked_at", "deleted_at"
            )
        }
        for user_id, role_id in RoleGrant.objects.values_list("user_id", "role_id"):
            users[user_id]["roles"].add(role_id)
        return cls(users, roles)

    def granted(self, user_id):
        """What a user's roles hold, whether or not they may sign in."""
        roles = self.users[user_id]["roles"] if user_id in self.users else ()
        return {name for role in roles for name in self.roles[role][2]}

    def held(self, user_id):
        """What a user may do."""
        user = self.users.get(user_id)
        may_sign_in = user and user["is_active"] and not user["locked_at"] and not user["deleted_at"]
        return self.granted(user_id) if may_sign_in else set()

    def super_administrators(self):
        everything = set(PERMISSION_NAMES)
        (role,) = [pk for pk, (name, _, _) in self.roles.items() if name == "Super Administrator"]
        return [pk for pk, user in self.users.items() if role in user["roles"] and self.held(pk) == everything]


def expected_rows(before, after):
    """The audit rows that the difference calls for, as (action, resource, id)."""
    rows = Counter()
    for pk in after.users:
        rows.update((action, "user", str(pk)) for action in user_actions(before.users.get(pk), after.users[pk]))
    for pk in before.roles.keys() | after.roles.keys():
        if pk not in before.roles:
            rows["create", "role", str(pk)] += 1
        elif pk not in after.roles:
            rows["delete", "role", str(pk)] += 1
        elif before.roles[pk] != after.roles[pk]:
            rows["update", "role", str(pk)] += 1
    return rows


def user_actions(old, new):
    if old is None:
        return ["create"]
    if new["deleted_at"] != old["deleted_at"]:
        return ["delete"]
    return [
        action
        for action, happened in {
            "update": any(old[field] != new[field] for field in PROFILE_FIELDS),
            "role_assign": new["roles"] - old["roles"],
            "role_revoke": old["roles"] - new["roles"],
            "lock": new["locked_at"] and not old["locked_at"],
            "unlock": old["locked_at"] and not new["locked_at"],
            "password_reset": old["password"] != new["password"],
        }.items()
        if happened
    ]


class Everybody(RuleBasedStateMachine):
    """Everybody calls whatever they like."""

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.savepoint()
        cache.clear()
        self.callers = {}
        self.powerful = [User.objects.get(username=name) for name in POWERFUL]
        self.made = 0

    def teardown(self):
        transaction.savepoint_rollback(self.savepoint)

    def user(self, number):
        users = list(User.objects.order_by("id"))
        return users[number % len(users)]

    def role(self, number):
        roles = list(Role.objects.order_by("id"))
        return roles[number % len(roles)]

    def caller(self, number):
        """Someone, signed in anew unless their session lives."""
        user = self.user(number) if number >= 0 else self.powerful[number]
        caller = self.callers.get(user.pk)
        if caller is None or not Session.objects.alive().filter(pk=caller.signed_in.session.pk).exists():
            caller = self.callers[user.pk] = Caller(user)
            assert caller.token
        return caller

    def call(self, caller, method, path, body=None, *, always=None):
        """Send a request and check everything; `always` is a row that success leaves even if nothing changes."""
        before = World.now()
        with audit_rows() as rows:
            answer = caller.call(method, path, body)
        after = World.now()
        told = Counter((row.action, row.resource, row.resource_id) for row in rows)
        if answer.status_code in {200, 201}:
            expected = expected_rows(before, after)
            expected.update({always} - expected.keys() if always else ())
            assert told == expected, (method, path, body)
            assert {row.user_id for row in rows} <= {caller.user.pk}
            assert all(row.success for row in rows)
        else:
            self.check_refusal(caller, answer, rows)
            assert after == before
        self.check_nobody_rose(caller.user.pk, before, after)
        assert after.super_administrators()

    def check_refusal(self, caller, answer, rows):
        assert answer.status_code in {400, 401, 403, 404, 409}, answer.content
        if answer.json()["code"] == "permission_denied":
            (row,) = rows
            assert (row.action, row.user_id, row.success) == ("access_denied", caller.user.pk, False)
            assert row.details["required"] == answer.json()["required"]
        else:
            assert rows == []

    def check_nobody_rose(self, actor, before, after):
        held = before.held(actor)
        for user in after.users:
            assert after.granted(user) - before.granted(user) <= held
            assert after.held(user) - before.held(user) <= held

    @rule(actor=actors, roles=few_roles)
    def create_user(self, actor, roles):
        self.made += 1
        body = {"username": f"made-{self.made}", "email": f"made-{self.made}@lab.example", "roles": roles}
        self.call(self.caller(actor), "POST", "/api/users", body)

    @rule(
        actor=actors,
        aim=index,
        body=st.fixed_dictionaries(
            {},
            optional={
                "roles": few_roles,
                "is_active": st.booleans(),
                "first_name": st.sampled_from(["", "New"]),
                "username": st.sampled_from(["renamed", "the-viewer", "x"]),
            },
        ),
    )
    def change_user(self, actor, aim, body):
        self.call(self.caller(actor), "PATCH", f"/api/users/{self.user(aim).pk}", body)

    @rule(actor=actors, roles=few_roles)
    def change_oneself(self, actor, roles):
        caller = self.caller(actor)
        self.call(caller, "PATCH", f"/api/users/{caller.user.pk}", {"roles": roles})

    @rule(actor=actors, aim=index, verb=st.sampled_from(["lock", "unlock"]))
    def lock_or_unlock(self, actor, aim, verb):
        pk = self.user(aim).pk
        always = ("unlock", "user", str(pk)) if verb == "unlock" else None
        self.call(self.caller(actor), "POST", f"/api/users/{pk}/{verb}", always=always)

    @rule(actor=actors, aim=index)
    def delete_user(self, actor, aim):
        self.call(self.caller(actor), "DELETE", f"/api/users/{self.user(aim).pk}")

    @rule(actor=actors, aim=index, body=st.sampled_from([{}, {"password": "Other-Horse-8"}, {"password": "weak"}]))
    def reset_password(self, actor, aim, body):
        pk = self.user(aim).pk
        path = f"/api/users/{pk}/reset-password"
        self.call(self.caller(actor), "POST", path, body, always=("password_reset", "user", str(pk)))

    @rule(actor=actors, aim=index)
    def end_session(self, actor, aim):
        session = self.caller(aim).signed_in.session
        always = ("session_revoke", "session", str(session.pk))
        self.call(self.caller(actor), "DELETE", f"/api/auth/sessions/{session.pk}", always=always)

    @rule(actor=actors, permissions=few_permissions)
    def create_role(self, actor, permissions):
        self.made += 1
        body = {"name": f"Made {self.made}", "permissions": permissions}
        self.call(self.caller(actor), "POST", "/api/roles", body)

    @rule(
        actor=actors,
        aim=index,
        body=st.fixed_dictionaries(
            {},
            optional={
                "permissions": few_permissions,
                "description": st.sampled_from(["", "Ours"]),
                "name": st.sampled_from(["Renamed", "Viewer", ""]),
            },
        ),
    )
    def change_role(self, actor, aim, body):
        self.call(self.caller(actor), "PATCH", f"/api/roles/{self.role(aim).pk}", body)

    @rule(actor=actors, aim=index, other=st.one_of(st.none(), index))
    def delete_role(self, actor, aim, other):
        query = "" if other is None else f"?reassign_to={self.role(other).slug}"
        self.call(self.caller(actor), "DELETE", f"/api/roles/{self.role(aim).pk}{query}")


def make_more_people():
    """Beside the cast those who may do much to users and roles, and hold little."""
    for name, permissions in CUSTOM_ROLES.items():
        role = Role.objects.create(name=name, slug=name.lower())
        role.permissions.set(Permission.objects.filter(name__in=permissions.split()))
    for n, roles in enumerate((["super_admin"], ["admin"], ["Clerk"], ["Clerk"], ["Keeper"], ["Keeper", "viewer"])):
        make_user(f"actor-{n}", *roles)


@pytest.mark.slow
@pytest.mark.only_on("postgresql")  # it tries for long how rules of Python work together
def test_nobody_rises_everything_is_on_record_and_somebody_stays_in_charge(cast, mailoutbox):
    make_more_people()
    run_state_machine_as_test(Everybody, settings=PROFILE)
