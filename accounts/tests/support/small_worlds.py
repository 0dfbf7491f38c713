"""Worlds of a few people and roles, all that one person can do in them, and what must hold whatever they did."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction

from accounts.access.authorization import SYSTEM
from accounts.access.role_granting import RoleGranting
from accounts.api_keys import services as key_services
from accounts.models import Role, User
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv.import_users import ImportRow, import_users
from accounts.users.invitations import services as invitation_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import DomainError
from reprotech.testing.cast import PASSWORD

OTHER_PASSWORD = "Other-Horse-8"
USER_RIGHTS = ("user_create", "user_update", "user_delete")
ROLE_RIGHTS = ("role_create", "role_update", "role_delete")
#: Permissions of the laboratory: of the role `lab`, and of `extra`.
LAB, FURTHER = "animal_read", "sample_read"

Names = tuple[str, ...]


@dataclass(frozen=True)
class World:
    """What the roles `desk`, which is the actor's, and `extra` hold and may grant, and what the colleague has."""

    desk: Names
    desk_may_grant: Names = ()
    extra: Names = (FURTHER,)
    extra_may_grant: Names = ()
    actor: Names = ("desk",)
    colleague: Names = ()
    top: Names = ("super_admin",)

    def build(self) -> None:
        with explicitly_recorded():
            User.objects.all().delete()
            Role.objects.exclude(slug="super_admin").delete()
        for name, permissions in (("desk", self.desk), ("lab", (LAB,)), ("extra", self.extra)):
            role_services.create_role(actor=SYSTEM, name=name, permissions=permissions)
        for name, granted in (("desk", self.desk_may_grant), ("extra", self.extra_may_grant)):
            role_services.update_role(actor=SYSTEM, role_id=_role(name).pk, may_grant=granted)
        passwords = {"guest": None, "robot": None}
        roles = {"actor": self.actor, "colleague": self.colleague, "top": self.top}
        for name in ("actor", "colleague", "guest", "robot", "top"):
            user_services.create_user(
                actor=SYSTEM,
                **_fields(name),
                password=passwords.get(name, PASSWORD),
                roles=roles.get(name, ()),
                is_service=name == "robot",
            )


def _fields(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@lab.example"}


def _role(name: str) -> Role:
    return Role.objects.get(slug=name)


@dataclass(frozen=True)
class Account:
    """What an account holds and leads to, and what one needs to get in."""

    pk: int
    roles: Names
    permissions: frozenset[str]
    reach: frozenset[str]
    can_sign_in: bool
    is_service: bool
    #: Whether it is locked, whether it is active, its address and the hash of its password.
    state: tuple[bool, bool, str, str]
    is_last_resort: bool

    @property
    def local(self) -> object:
        # The text of a hash doesn't matter.
        return self.roles, self.state[:3]


@dataclass(frozen=True)
class State:
    accounts: dict[str, Account]
    #: What each role holds and may grant.
    roles: frozenset[tuple[str, str]]
    #: Accounts that the actor can be: their own, and those whose password they chose.
    controlled: frozenset[str] = frozenset({"actor"})
    #: What API keys that they made allow.
    by_keys: frozenset[str] = frozenset()

    @classmethod
    def read(cls, controlled: frozenset[str] = frozenset({"actor"}), by_keys: frozenset[str] = frozenset()) -> "State":
        granting = RoleGranting.load()
        accounts = {user.username: _account(user, granting) for user in User.objects.existing().with_roles()}
        held = Role.permissions.through.objects.exclude(role__slug="super_admin")
        roles = {*held.values_list("role__slug", "permission__name")}
        roles |= {(holder, given) for holder, slugs in granting.roles.items() for given in slugs}
        return cls(accounts, frozenset(roles), frozenset(controlled & accounts.keys()), by_keys)

    @property
    def key(self) -> object:
        """The same for states that differ in nothing that matters."""
        accounts = frozenset((name, one.local) for name, one in self.accounts.items())
        return accounts, self.roles, self.controlled, self.by_keys

    @property
    def own(self) -> frozenset[str]:
        """What the actor can do, as one account or another."""
        return self.by_keys.union(*(self.accounts[name].permissions for name in self.controlled))


def _account(user: User, granting: RoleGranting) -> Account:
    held, slugs = user.grants.permissions, user.grants.role_slugs
    return Account(
        pk=user.pk,
        roles=slugs,
        permissions=held,
        reach=held | granting.permissions_given_by(slugs),
        can_sign_in=user.can_sign_in,
        is_service=user.is_service,
        state=(user.is_locked, user.is_active, user.email, user.password),
        is_last_resort=user.can_sign_in and "super_admin" in slugs and user.has_usable_password(),
    )


@dataclass(frozen=True)
class Act:
    """What a person may try, and which account or permissions they control if it was done."""

    name: str
    run: Callable[[User], object]
    #: The account that it is about; "" for all of them, None for none.
    about: str | None
    controls: str = ""
    makes_key_of: frozenset[str] = frozenset()

    def circumstances(self, state: State, actor: str) -> object:
        """What its outcome depends on: the rest of the world makes no difference to it."""
        accounts = (
            state.accounts.items()
            if self.about == ""
            else [(name, state.accounts[name]) for name in (actor, self.about) if name]
        )
        last_resorts = sum(one.is_last_resort for one in state.accounts.values())
        known = frozenset((name, one.local, name in state.controlled) for name, one in accounts)
        return self.name, actor, known, state.roles, last_resorts

    def after(self, before: State) -> State:
        controlled = before.controlled | ({self.controls} if self.controls else set())
        return State.read(controlled, before.by_keys | self.makes_key_of)


def acts(state: State) -> Iterator[Act]:
    """Whatever changes rights, credentials or states, with each account and role as its object."""
    for name, account in state.accounts.items():
        yield from _on_roles_of(name, account)
        if name != "actor":
            yield from _on_state_of(name, account)
            yield from _on_credentials_of(name, account)
    if "new" not in state.accounts:
        yield from _creations()
    yield from _on_roles(state)


def _on_roles_of(name: str, account: Account) -> Iterator[Act]:
    roles = ("desk", "lab", "extra") if name in {"guest", "robot", "new"} else ("desk", "lab", "extra", "super_admin")
    for role in roles:
        change = {"revoked": role} if role in account.roles else {"assigned": role}
        yield Act(f"{change} {name}", lambda a, c=change: bulk.change_role(actor=a, user_id=account.pk, **c), name)


def _on_state_of(name: str, account: Account) -> Iterator[Act]:
    is_locked, is_active, *_ = account.state
    lock = user_services.unlock_user if is_locked else user_services.lock_user
    yield Act(f"{lock.__name__} {name}", lambda a: lock(actor=a, user_id=account.pk), name)
    yield Act(
        f"{'de' if is_active else ''}activate {name}",
        lambda a: user_services.update_user(actor=a, user_id=account.pk, is_active=not is_active),
        name,
    )
    yield Act(f"delete {name}", lambda a: user_services.delete_user(actor=a, user_id=account.pk), name)


def _on_credentials_of(name: str, account: Account) -> Iterator[Act]:
    target = {"user_id": account.pk}
    email = f"other-{name}@lab.example"
    yield Act(f"readdress {name}", lambda a: user_services.update_user(actor=a, **target, email=email), name)
    if account.is_service:
        scopes = account.permissions
        key = {"name": "key", "scopes": scopes, "is_authenticated": True}
        yield Act(
            f"key of {name}", lambda a: key_services.create_key(actor=a, **target, **key), name, makes_key_of=scopes
        )
        return
    yield Act(
        f"password of {name}",
        lambda a: password_services.reset_password(actor=a, **target, password=OTHER_PASSWORD),
        name,
        controls=name,
    )
    link = invitation_services.make_invitation_link
    if name not in {"guest", "new"}:
        return
    yield Act(f"link of {name}", lambda a: link(actor=a, **target), name, controls=name)
    yield Act(f"withdraw {name}", lambda a: invitation_services.withdraw_invitation(actor=a, **target), name)


def _creations() -> Iterator[Act]:
    for roles in ((), ("lab",), ("desk",), ("extra",)):
        new = {**_fields("new"), "roles": roles}
        yield Act(f"invite {roles}", lambda a, n=new: user_services.create_user(actor=a, **n), None)
        known = {**new, "password": PASSWORD}
        yield Act(f"create {roles}", lambda a, n=known: user_services.create_user(actor=a, **n), None, controls="new")
    robot = {**_fields("new"), "roles": ("lab",), "is_service": True}
    yield Act("create a robot", lambda a: user_services.create_user(actor=a, **robot), None)
    row = ImportRow(2, {**_fields("new"), "first_name": "", "last_name": ""}, ("lab",), PASSWORD)
    yield Act("import", lambda a: import_users(actor=a, rows=[row]), None, controls="new")


def _on_roles(state: State) -> Iterator[Act]:
    names = set(Role.objects.exclude(slug="super_admin").values_list("slug", flat=True))
    held: dict[str, set[str]] = {name: {right for role, right in state.roles if role == name} for name in names}
    changes = [(name, {"permissions": {*(held[name] - names), LAB, FURTHER}}) for name in sorted(names)]
    changes += [("desk", {"may_grant": ["extra"]}), ("extra", {"may_grant": ["lab"]}), ("desk", {"may_grant": []})]
    for name, change in changes:
        if name in names:
            yield Act(f"{name} {change}", lambda a, n=name, c=change: _update_role(a, n, c), None)
    if "mine" not in names:
        for change in ({"permissions": [LAB]}, {"may_grant": ["lab"]}):
            yield Act(
                f"new role {change}", lambda a, c=change: role_services.create_role(actor=a, name="mine", **c), None
            )
    for name, other in (("lab", "extra"), ("extra", "lab"), ("extra", "desk"), ("extra", "super_admin")):
        if name in names:
            yield Act(f"{name} becomes {other}", lambda a, n=name, o=other: _delete_role(a, n, o), "")


def _update_role(actor: User, name: str, change: dict[str, object]) -> None:
    role_services.update_role(actor=actor, role_id=_role(name).pk, **change)


def _delete_role(actor: User, name: str, other: str) -> None:
    role_services.delete_role(actor=actor, role_id=_role(name).pk, reassign_to=other)


class Search:
    """All sequences of so many acts of the actor, as any account that they control.

    Equal states are visited once, and the last act of a sequence is tried once for what it depends on.
    """

    def __init__(self) -> None:
        self.initial = State.read()
        self.visited: dict[object, int] = {}
        self.tried: set[object] = set()
        self.calls = 0
        #: Sentences, each with the acts that led there.
        self.found: list[str] = []

    def run(self, depth: int) -> "Search":
        self._visit(self.initial, depth, ())
        return self

    def _visit(self, state: State, depth: int, path: Names) -> None:
        if self.visited.get(state.key, 0) >= depth:
            return
        self.visited[state.key] = depth
        for name in sorted(state.controlled):
            if state.accounts[name].can_sign_in:
                for act in acts(state):
                    self._try(act, state, name, depth, path)

    def _try(self, act: Act, state: State, name: str, depth: int, path: Names) -> None:
        circumstances = act.circumstances(state, name)
        if self.found or (depth == 1 and circumstances in self.tried):
            return
        self.tried.add(circumstances)
        self.calls += 1
        with transaction.atomic():
            try:
                act.run(User.objects.get(pk=state.accounts[name].pk))
            except DomainError:
                pass
            else:
                after, steps = act.after(state), (*path, f"{name}: {act.name}")
                self.found += [
                    f"{sentence} after {'; '.join(steps)}" for sentence in violations(self.initial, state, after)
                ]
                if depth > 1 and not self.found:
                    self._visit(after, depth - 1, steps)
            transaction.set_rollback(True)


def violations(initial: State, before: State, after: State) -> Iterator[str]:
    """What must not be: a sentence for each rule that the act, or those that led to it, broke."""
    held = initial.accounts["actor"].permissions
    allowed = initial.accounts["actor"].reach
    if raised := after.own - held:
        yield f"The actor can do {sorted(raised)}"
    if not any(one.is_last_resort for one in after.accounts.values()):
        yield "No Super Administrator is left"
    nothing = Account(0, (), frozenset(), frozenset(), False, False, (False, False, "", ""), False)
    for name, now in after.accounts.items():
        first, last = initial.accounts.get(name, nothing), before.accounts.get(name)
        if gained := now.permissions - first.permissions - allowed:
            yield f"{name} was given {sorted(gained)}"
        # Who may give a role could give it back to the actor.
        if gained := now.reach - now.permissions - first.reach - held:
            yield f"{name} may give {sorted(gained)}"
        if last is None or last.permissions <= held or name in before.controlled:
            continue
        if now.state[2:] != last.state[2:]:
            yield f"{name}, who holds more, has another address or password"
        if now.can_sign_in and not last.can_sign_in:
            yield f"{name}, who holds more, can sign in again"
        if not now.can_sign_in and "super_admin" in last.roles:
            yield f"{name}, a Super Administrator, was shut out"
