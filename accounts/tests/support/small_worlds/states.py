"""Small worlds as they are before and after an act."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access.role_granting import RoleGranting
from accounts.exclusions import services as exclusion_services
from accounts.models import Exclusion, ExclusionException, Role, RoleGrant, User
from accounts.periods.grants import NewGrant
from accounts.roles import services as role_services
from accounts.users import services as user_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD

USER_RIGHTS = ("user_create", "user_read", "user_update", "user_delete")
ROLE_RIGHTS = ("role_create", "role_update", "role_delete")
#: Permissions of the laboratory: of the role `lab`, and of `extra`.
LAB, FURTHER = "animal_read", "sample_read"
#: The address that an account has once someone else than its owner changed it begins so.
CHANGED = "other-"
#: Ends and beginnings that acts give.
SOON = timezone.now().replace(microsecond=0) + timedelta(days=1)
LATER = SOON + timedelta(days=1)
GOOD = datetime.max.replace(tzinfo=UTC)

Names = tuple[str, ...]


@dataclass(frozen=True)
class World:
    """What the roles `desk`, which is the actor's, and `extra` hold and may grant, and what people have."""

    desk: Names
    desk_may_grant: Names = ()
    extra: Names = (FURTHER,)
    extra_may_grant: Names = ()
    actor: Names = ("desk",)
    #: When the actor's roles end.
    actor_until: datetime | None = None
    colleague: Names = ()
    colleague_until: datetime | None = None
    top: Names = ("super_admin",)
    #: Sets that nobody may hold something of both of.
    apart: tuple[Names, Names] | None = None
    #: Kinds of acts that are tried beside roles, credentials and accounts.
    more: Names = ()

    def build(self) -> None:
        with explicitly_recorded():
            Exclusion.objects.all().delete()
            User.objects.all().delete()
            Role.objects.exclude(slug="super_admin").delete()
        for name, permissions in (("desk", self.desk), ("lab", (LAB,)), ("extra", self.extra)):
            role_services.create_role(actor=SYSTEM, name=name, permissions=permissions)
        for name, granted in (("desk", self.desk_may_grant), ("extra", self.extra_may_grant)):
            role_services.update_role(actor=SYSTEM, role_id=role_named(name).pk, may_grant=granted)
        roles = {"actor": self.actor, "colleague": self.colleague, "top": self.top}
        ends = {"actor": self.actor_until, "colleague": self.colleague_until}
        for name in ("actor", "colleague", "guest", "robot", "top"):
            user_services.create_user(
                actor=SYSTEM,
                **fields_of(name),
                password=None if name in {"guest", "robot"} else PASSWORD,
                role_grants=[NewGrant(role, None, ends.get(name)) for role in roles.get(name, ())],
                is_service=name == "robot",
            )
        if self.apart:
            first, second = self.apart
            exclusion_services.create_exclusion(actor=SYSTEM, name="apart", set_a=first, set_b=second)


def fields_of(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@lab.example"}


def role_named(name: str) -> Role:
    return Role.objects.get(slug=name)


@dataclass(frozen=True)
class Account:
    """What an account holds and leads to, now and later, and what one needs to get in."""

    pk: int = 0
    #: (slug, start, end)
    grants: frozenset[tuple[str, datetime | None, datetime | None]] = frozenset()
    #: Until when it holds each permission.
    ends: tuple[tuple[str, datetime], ...] = ()
    reach: frozenset[str] = frozenset()
    can_sign_in: bool = False
    is_service: bool = False
    has_password: bool = False
    #: Whether it is locked, whether it is active, its end, and its address.
    state: tuple[bool, bool, datetime | None, str] = (False, False, None, "")
    #: The hash, whose text doesn't matter.
    password: str = ""
    #: Who else chose its password and its address.
    let_in_by: tuple[str, str] = ("", "")
    is_last_resort: bool = False

    @property
    def roles(self) -> Names:
        return tuple(sorted({slug for slug, *_ in self.grants}))

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.ends)

    @property
    def is_readdressed(self) -> bool:
        return self.state[3].startswith(CHANGED)

    @property
    def local(self) -> object:
        """All that makes a difference, but for its name."""
        about = (self.grants, self.state[:3], self.is_readdressed, self.has_password, self.is_service)
        return (*about, self.let_in_by)


@dataclass(frozen=True)
class State:
    accounts: dict[str, Account]
    #: What each role holds and may grant.
    roles: frozenset[tuple[str, str]]
    #: Accounts that the actor can be: their own, and those whose password they chose.
    controlled: frozenset[str] = frozenset({"actor"})
    #: What API keys that they made allow.
    by_keys: frozenset[str] = frozenset()
    #: (id, whether it refuses, what it keeps apart)
    exclusions: frozenset[tuple[int, bool, frozenset[str], frozenset[str]]] = frozenset()
    #: (user, whether it counts)
    exceptions: frozenset[tuple[str, bool]] = frozenset()

    @classmethod
    def read(cls, controlled: frozenset[str] = frozenset({"actor"}), by_keys: frozenset[str] = frozenset()) -> "State":
        granting = RoleGranting.load()
        held: dict[str, set[str]] = {}
        for slug, name in Role.permissions.through.objects.values_list("role__slug", "permission__name"):
            held.setdefault(slug, set()).add(name)
        grants: dict[int, list[RoleGrant]] = {}
        for grant in RoleGrant.objects.unended().select_related("role").order_by():
            grants.setdefault(grant.user_id, []).append(grant)
        users = list(User.objects.existing())
        names = {user.pk: user.username for user in users}
        accounts = {user.username: _account(user, grants.get(user.pk, []), held, granting, names) for user in users}
        roles = {(slug, name) for slug, names in held.items() if slug != "super_admin" for name in names}
        roles |= {(holder, given) for holder, slugs in granting.roles.items() for given in slugs}
        exclusions = frozenset(
            (one.pk, one.refuses, frozenset(one.set_a), frozenset(one.set_b)) for one in Exclusion.objects.with_sets()
        )
        rows = ExclusionException.objects.open().values_list("user__username", "approved_at") if exclusions else ()
        exceptions = frozenset((name, approved is not None) for name, approved in rows)
        return cls(accounts, frozenset(roles), frozenset(controlled & accounts.keys()), by_keys, exclusions, exceptions)

    def key(self, initial: "State") -> object:
        """The same for states that differ in nothing that matters: people who began alike and are alike are one."""
        accounts = Counter((*self.role_of(name, initial), one.local) for name, one in self.accounts.items())
        return frozenset(accounts.items()), self.roles, self.by_keys, self.exclusions, self.exceptions

    def role_of(self, name: str, initial: "State") -> tuple[object, ...]:
        """What an account is in the story, whatever its name: how it began, and whether it is the actor's by now."""
        first = initial.accounts.get(name, Account())
        return name == "actor", name in initial.accounts and first.local, name in self.controlled

    @property
    def own(self) -> frozenset[str]:
        """What the actor can do, as one account or another."""
        return self.by_keys.union(*(self.accounts[name].permissions for name in self.controlled))


def _account(
    user: User, grants: list[RoleGrant], held: dict[str, set[str]], granting: RoleGranting, names: dict[int, str]
) -> Account:
    ends: dict[str, datetime] = {}
    for grant in grants:
        end = min(grant.ends_at or GOOD, user.ends_at or GOOD)
        for name in held.get(grant.role.slug, ()):
            ends[name] = max(ends.get(name, end), end)
    slugs = tuple({grant.role.slug for grant in grants})
    has_password = user.has_usable_password()
    return Account(
        pk=user.pk,
        grants=frozenset((grant.role.slug, grant.starts_at, grant.ends_at) for grant in grants),
        ends=tuple(sorted(ends.items())),
        reach=frozenset(ends) | granting.permissions_given_by(slugs),
        can_sign_in=user.can_sign_in,
        is_service=user.is_service,
        has_password=has_password,
        state=(user.is_locked, user.is_active, user.ends_at, user.email),
        password=user.password,
        let_in_by=(names.get(user.password_set_by_id or 0, ""), names.get(user.email_set_by_id or 0, "")),
        is_last_resort=user.can_sign_in and "super_admin" in slugs and has_password,
    )
