"""Authorization of services: checks against the database, within the transaction of the change.

Views check first, from the session's cached grants, to refuse early and to hide what isn't allowed. Services check
again, so that a view that forgot, a command, or a grant that was revoked a moment ago make no difference.
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, models, transaction

from accounts.core.catalogue import SUPER_ADMIN, in_catalogue_order
from accounts.core.exceptions import OwnGrantEndsEarlier
from accounts.models import Exclusion, Permission, Role, RoleGrant, User
from audit.authorization import recording_denials
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.core.request_context import within_scopes

#: PostgreSQL's code for a reference to what isn't there. SQLite's transactions exclude each other.
FOREIGN_KEY_VIOLATION = "23503"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: Later than any end.
OPEN_END = datetime.max.replace(tzinfo=UTC)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

#: The actor that may do everything.
SYSTEM = System()

#: Whose denials the audit log files under a record, by the log's name of the resource; apps above add theirs.
TARGET_MODELS: dict[str, type[models.Model]] = {"user": User, "role": Role, "exclusion": Exclusion}
#: Permissions that the running service has read, by the actor's id; None outside of a service.
_read_permissions: ContextVar[dict[int | None, frozenset[str]] | None] = ContextVar("read_permissions", default=None)


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


def authorize_over(actor: Actor, user: User) -> None:
    """Raise Forbidden unless `actor` holds all that the account gives, now or by a grant that begins later.

    Whoever could change the account now would have it then.
    """
    if not isinstance(actor, System):
        authorize(actor, user.permissions_now_or_later, user)


def authorize_closing(actor: Actor, user: User) -> None:
    """Raise Forbidden if `actor` may not lock, deactivate or sign out `user`, with the permission for that.

    Ending access raises nobody, so it doesn't need what the account holds. Super Administrators are the exception:
    otherwise one of them could be kept out by those whom only they could stop.
    """
    if user.is_super_administrator:
        authorize(actor, user.grants.permissions, user)


def authorize_roles(actor: Actor, roles: Iterable[Role]) -> None:
    """Raise Forbidden, about the first role that gives more, unless `actor` holds all that these roles give."""
    if isinstance(actor, System):
        return
    held, roles = held_permissions(actor), list(roles)
    given: dict[int, set[str]] = {}
    through = Role.permissions.through.objects.filter(role__in=roles)
    for role_id, permission in through.values_list("role_id", "permission__name"):
        given.setdefault(role_id, set()).add(permission)
    for role in roles:
        if missing := given.get(role.pk, set()) - held:
            raise Forbidden(in_catalogue_order(missing)[0], Target.of(role))


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
