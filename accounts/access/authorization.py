"""Authorization of services: checks against the database, within the transaction of the change.

Views check first, from the session's cached grants, to refuse early and to hide what isn't allowed. Services check
again, so that a view that forgot, a command, or a grant that was revoked a moment ago make no difference.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from django.db import IntegrityError, models, transaction

from accounts.access.role_granting import RoleGranting
from accounts.access.second_person import possible_selves
from accounts.core.catalogue import SUPER_ADMIN, in_catalogue_order
from accounts.core.exceptions import OwnGrantEndsEarlier
from accounts.models import Exclusion, Permission, Role, RoleGrant, User
from audit.authorization import recording_denials
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.core.request_context import current_principal, within_scopes

#: PostgreSQL's code for a reference to what isn't there. SQLite's transactions exclude each other.
FOREIGN_KEY_VIOLATION = "23503"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: Later than any end.
OPEN_END = datetime.max.replace(tzinfo=UTC)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: Of a password that the actor chose for the person, who hasn't replaced it by a link since, or that someone chose
#: whose own they had chosen.
GIVEN_TO_ONESELF = (
    "You chose this person's password, or that of who chose it, so you could use the role yourself. Mail them a link "
    "to choose their own first, or ask an administrator to give the role."
)
#: Of an address that the actor gave to an account that was there already.
MAILED_TO_ONESELF = (
    "You changed this person's e-mail address, where links to choose a password go, so you could use the role "
    "yourself. Ask an administrator to give the role."
)

#: The actor that may do everything.
SYSTEM = System()

#: Whose denials the audit log files under a record, by the log's name of the resource; apps above add theirs.
TARGET_MODELS: dict[str, type[models.Model]] = {"user": User, "role": Role, "exclusion": Exclusion}
#: Permissions that the running service has read, by the actor's id; None outside of a service.
_read_permissions: ContextVar[dict[int | None, frozenset[str]] | None] = ContextVar("read_permissions", default=None)
#: What else of the actor's rights a block reads once; None outside of one.
_read_rights: ContextVar[dict[tuple[str, int | None], object] | None] = ContextVar("read_rights", default=None)


@dataclass(frozen=True, slots=True)
class Target:
    """The account or role of an attempt; its name is looked up when a denial is recorded."""

    resource: str
    pk: int | str = ""
    name: str = ""

    @classmethod
    def named_in(cls, arguments: Mapping[str, int | str]) -> "Target | None":
        """The target that the arguments of a URL name, such as `user_id`."""
        targets = (cls(name, arguments[f"{name}_id"]) for name in TARGET_MODELS if f"{name}_id" in arguments)
        return next(targets, None)

    @classmethod
    def of(cls, target: "User | Role | Target | None") -> "Target | None":
        if isinstance(target, User | Role):
            return cls("user" if isinstance(target, User) else "role", target.pk, str(target))
        return target

    def current_name(self) -> str:
        # Empty if it doesn't exist.
        if self.name or self.pk == "":
            return self.name
        row = TARGET_MODELS[self.resource]._default_manager.filter(pk=self.pk).first()
        return str(row) if row else ""


def service(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a change in one transaction. If it is denied, roll back first and then record the denial.

    The actor's permissions are read once for it and the services that it calls, so that all checks agree. So a service
    that locks rows must lock them before it authorizes: a permission revoked while it waited counts.
    """
    in_transaction = transaction.atomic(change)

    @recording_denials
    @wraps(change)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        read = _read_permissions.get()
        token = _read_permissions.set({} if read is None else read)
        try:
            return in_transaction(*args, **kwargs)
        except IntegrityError as error:
            # The commit fails if a role was deleted while it was assigned: neither transaction waits for the other.
            if getattr(error.__cause__, "sqlstate", "") != FOREIGN_KEY_VIOLATION:
                raise
            raise Conflict("Someone else changed or deleted what this needs a moment ago. Try again.") from error
        finally:
            _read_permissions.reset(token)

    return run


@contextmanager
def rights_read_once() -> Iterator[None]:
    """Read the actor's rights once for all checks of a block, which must change no role: it may check thousands."""
    read = _read_permissions.get()
    permissions, rights = _read_permissions.set({} if read is None else read), _read_rights.set({})
    try:
        yield
    finally:
        _read_permissions.reset(permissions)
        _read_rights.reset(rights)


def _read_once(name: str, pk: int | None, read: Callable[[], Result]) -> Result:
    known = _read_rights.get()
    if known is None:
        return read()
    if (name, pk) not in known:
        known[name, pk] = read()
    return cast("Result", known[name, pk])


def role_granting() -> RoleGranting:
    return _read_once("granting", None, RoleGranting.load)


def held_permissions(actor: Actor) -> frozenset[str]:
    """Permissions by the database, within the scopes of the request's API key; none of users who can't sign in."""
    read = _read_permissions.get()
    held = None if read is None else read.get(actor.pk)
    if held is None:
        holders = User.objects.active().filter(pk=actor.pk)
        grants = RoleGrant.objects.current().filter(user__in=holders).order_by()
        held = frozenset(Permission.objects.filter(roles__user_grants__in=grants).values_list("name", flat=True))
        if read is not None:
            read[actor.pk] = held
    return within_scopes(held)


def authorize(actor: Actor, needed: str | Iterable[str], target: User | Role | Target | None = None) -> None:
    """Raise Forbidden, naming the first missing permission, unless `actor` holds all that are needed.

    The denial is recorded about the `target`. It is the rule against escalation too: what a target holds or would hold,
    the actor must hold.
    """
    if isinstance(actor, System):
        return
    missing = {needed} if isinstance(needed, str) else set(needed)
    missing -= held_permissions(actor)
    if missing:
        raise Forbidden(in_catalogue_order(missing)[0], Target.of(target))


def reach_of(role: Role, granting: RoleGranting) -> frozenset[str]:
    """What a role leads to: its permissions, and those of the roles that its holders may give.

    Who takes over an account, or is given a role, could give those roles.
    """
    return frozenset(role.permission_names) | granting.permissions_given_by([role.slug])


def authorize_over(actor: Actor, user: User, granting: RoleGranting | None = None) -> None:
    """Raise Forbidden unless `actor` holds all that the account leads to, now or by a grant that begins later.

    Those who can change the account now would have it then. One's own roles may grant nothing to oneself.
    """
    if isinstance(actor, System):
        return
    granting = granting or role_granting()
    needed = user.permissions_now_or_later
    if actor.pk != user.pk and granting.roles:
        needed |= granting.permissions_given_by(grant.role.slug for grant in user.grants_now_or_later)
    authorize(actor, needed, user)


def authorize_closing(actor: Actor, user: User) -> None:
    """Raise Forbidden if `actor` may not lock, deactivate or sign out `user`, with the permission for that.

    Ending access raises nobody, so it doesn't need what the account holds. Super Administrators are the exception:
    otherwise those whom only they could stop could shut one of them out.
    """
    if user.is_super_administrator:
        authorize_over(actor, user)


def authorize_roles(actor: Actor, ends: Mapping[Role, datetime], *, is_service: bool = False) -> list[Role]:
    """Raise Forbidden, about the first role that gives more, unless `actor` may give a new account these roles until
    the end of each.

    That is those that lead to no more than they hold, and to people also those that a role of theirs may grant.
    Returns the ones that are given only so.
    """
    if isinstance(actor, System):
        return []
    granting = role_granting()
    given = {} if is_service else _roles_given_by(actor, granting)
    return _authorize_giving(actor, ends, given=given, granting=granting)


def authorize_role_change(
    actor: Actor, user: User, ends: Mapping[Role, datetime], removed: Collection[Role] = ()
) -> None:
    """Raise Forbidden or Conflict unless `actor` may give `user` roles until the end of each, and take those `removed`.

    Who holds all that the account and the roles lead to may. So may, for other people who are no Super Administrator,
    the holder of a role that has these in its `may_grant`: unless they chose the person's password or address, and so
    would give the role to themselves. Nobody gives a role for longer than what allows them to lasts.
    """
    if isinstance(actor, System):
        return
    granting = role_granting()
    is_other_person = actor.pk != user.pk and not user.is_service and not user.is_super_administrator
    given = _roles_given_by(actor, granting) if is_other_person else {}
    if any(role.slug not in given for role in (*ends, *removed)):
        authorize_over(actor, user, granting)
    beyond = _authorize_giving(actor, ends, given=given, granting=granting, user=user)
    if beyond and actor.pk != user.pk and actor.pk in possible_selves(user):
        sentence = MAILED_TO_ONESELF if user.email_set_by_id == actor.pk else GIVEN_TO_ONESELF
        raise Conflict(sentence, {"roles": [sentence]})


def authorize_invitation(actor: Actor, user: User) -> None:
    """Raise Forbidden unless `actor` may mail an invitation to `user` again: who could make this account may."""
    if isinstance(actor, System):
        return
    granting = role_granting()
    given = {} if user.is_service else _roles_given_by(actor, granting)
    held = Role.objects.filter(user_grants__in=RoleGrant.objects.unended().filter(user=user))
    others = held.exclude(slug__in=given).with_permissions().distinct()
    authorize(actor, {name for role in others for name in reach_of(role, granting)}, user)


def _authorize_giving(
    actor: Actor,
    ends: Mapping[Role, datetime],
    *,
    given: Mapping[str, datetime],
    granting: RoleGranting,
    user: User | None = None,
) -> list[Role]:
    """The roles that lead to more than the actor holds; raises Forbidden for those that aren't `given` for so long."""
    held, beyond = held_permissions(actor), []
    for role, end in ends.items():
        names, own_end = reach_of(role, granting), given.get(role.slug)
        missing = in_catalogue_order(names - held)
        if missing:
            beyond.append(role)
        if own_end is not None and own_end >= end:
            continue
        if missing and own_end is None:
            raise Forbidden(missing[0], Target.of(user or role))
        if missing and own_end is not None:
            raise OwnGrantEndsEarlier(missing[0], own_end, Target.of(user or role))
        authorize_until(actor, names, None if end == OPEN_END else end, user or role)
    return beyond


def _roles_given_by(actor: Actor, granting: RoleGranting) -> dict[str, datetime]:
    """The slugs of the roles that a role of the actor's may grant, and until when they have such a role.

    None by an API key: it does what its scopes name, and they name no roles.
    """
    if not granting.roles or current_principal().api_key:
        return {}
    return _read_once("given", actor.pk, lambda: _read_given(actor, granting))


def _read_given(actor: Actor, granting: RoleGranting) -> dict[str, datetime]:
    holders = User.objects.active().filter(pk=actor.pk)
    grants = RoleGrant.objects.current().filter(user__in=holders).order_by()
    found: dict[str, datetime] = {}
    for slug, end, account_end in grants.values_list("role__slug", "ends_at", "user__ends_at"):
        for given in granting.given_by([slug]):
            found[given] = max(found.get(given, LONG_AGO), min(end or OPEN_END, account_end or OPEN_END))
    return found


def authorize_until(
    actor: Actor, permissions: Iterable[str], ends_at: datetime | None, target: User | Role | Target | None = None
) -> None:
    """Raise OwnGrantEndsEarlier unless `actor` holds these permissions at least until then; None is for good."""
    if isinstance(actor, System):
        return
    lasting = _held_until(actor)
    for name in in_catalogue_order(set(permissions)):
        own_end = lasting.get(name, OPEN_END)
        if own_end < (ends_at or OPEN_END):
            raise OwnGrantEndsEarlier(name, own_end, Target.of(target))


def _held_until(actor: Actor) -> dict[str, datetime]:
    """When the actor's permissions end, by name; only of those that end."""
    return _read_once("ends", actor.pk, lambda: _read_ends(actor))


def _read_ends(actor: Actor) -> dict[str, datetime]:
    grants = RoleGrant.objects.current().filter(user=actor.pk).order_by()
    account = User.objects.filter(pk=actor.pk).values_list("ends_at", flat=True).first() or OPEN_END
    found: dict[str, datetime] = {}
    for name, end in grants.values_list("role__permissions__name", "ends_at"):
        found[name] = max(found.get(name, LONG_AGO), min(end or OPEN_END, account))
    return {name: end for name, end in found.items() if end != OPEN_END}


def require_remaining_super_administrator(without: Iterable[int]) -> None:
    """Raise Conflict if the users of the ids `without` are the last active Super Administrators.

    One of those who stay must be a person with a password, if one is now: a service account or an invited user can't
    sign in to appoint another.
    """
    # Of two changes that would each leave the other's user as the last one, the second waits and sees the first.
    Role.objects.select_for_update(no_key=True).get(slug=SUPER_ADMIN)
    active = User.objects.active().super_administrators()
    lasting = active.lasting_super_administrators()
    people = lasting.people().with_password()
    if not active.exclude(pk__in=without).exists():
        raise Conflict("This is the last active Super Administrator. Appoint another one first.")
    if lasting.filter(pk__in=without).exists() and not lasting.exclude(pk__in=without).exists():
        raise Conflict(
            "This is the last active Super Administrator whose account and role have no end. Appoint another one first."
        )
    if people.filter(pk__in=without).exists() and not people.exclude(pk__in=without).exists():
        raise Conflict(
            "This is the last active Super Administrator who is a person with a password. Appoint another one first."
        )
