"""May this actor do that? The one place where services ask, and where a refusal is put on record.

Doors ask first, from the session's cached grants, to refuse early and to hide what can't be done. Services ask
again, from the database, inside the transaction of the change: a door that forgot, a command or a grant that was
taken away a moment ago make no difference.
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, transaction

from accounts.core.catalogue import PERMISSION_NAMES, SUPER_ADMIN, in_catalogue_order
from accounts.models import Permission, Role, User
from audit.authorization import recording_denials
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.core.request_context import current_principal

#: PostgreSQL's code for a reference to what isn't there. SQLite's transactions exclude each other.
FOREIGN_KEY_VIOLATION = "23503"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


#: It may do everything.
SYSTEM = System()

#: What a refusal can be filed under, by the name of the log's resource.
TARGET_MODELS: dict[str, type[User | Role]] = {"user": User, "role": Role}
#: By the actor's id, what the running service has read; None outside of a service's transaction.
_read_permissions: ContextVar[dict[Any, frozenset[str]] | None] = ContextVar("read_permissions", default=None)


@dataclass(frozen=True, slots=True)
class Target:
    """The account or role that someone wanted to touch, by its id; its name is looked up when a refusal is recorded."""

    resource: str
    pk: Any = ""
    name: str = ""

    @classmethod
    def named_in(cls, arguments: Mapping[str, Any]) -> "Target | None":
        """The one that the arguments of an address name, if they name one."""
        found = (
            cls(resource, arguments[f"{resource}_id"]) for resource in TARGET_MODELS if f"{resource}_id" in arguments
        )
        return next(found, None)

    @classmethod
    def of(cls, target: "User | Role | Target | None") -> "Target | None":
        if isinstance(target, User | Role):
            return cls("user" if isinstance(target, User) else "role", target.pk, str(target))
        return target

    def current_name(self) -> str:
        """Its name, looked up unless it was loaded; "" if it doesn't exist."""
        if self.name or self.pk == "":
            return self.name
        found = TARGET_MODELS[self.resource]._default_manager.filter(pk=self.pk).first()
        return str(found) if found else ""


def service(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a change in one transaction; if it is denied, undo it and then record the denial."""
    return recording_denials(raising_conflicts(transaction.atomic(reading_permissions_once(change))))


def reading_permissions_once(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Read what an actor may do once in a service and the services within it, so that all checks agree.

    A service that locks what it changes must lock before it asks: what was taken from the actor while it waited counts.
    """

    @wraps(change)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if _read_permissions.get() is not None:
            return change(*args, **kwargs)
        token = _read_permissions.set({})
        try:
            return change(*args, **kwargs)
        finally:
            _read_permissions.reset(token)

    return run


def raising_conflicts(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Raise Conflict if, as the transaction ends, something that the change refers to turns out to be gone.

    So it is when a role is given while it is being deleted: neither waits for the other before it ends.
    """

    @wraps(change)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return change(*args, **kwargs)
        except IntegrityError as error:
            if getattr(error.__cause__, "sqlstate", "") != FOREIGN_KEY_VIOLATION:
                raise
            raise Conflict("Someone else changed or deleted what this needs a moment ago. Try again.") from error

    return run


def held_permissions(actor: Actor) -> frozenset[str]:
    """The permissions that `actor` holds, by the database; none for who may not sign in.

    In a request with an API key they are no more than its scopes.
    """
    if isinstance(actor, System):
        return frozenset(PERMISSION_NAMES)
    read = _read_permissions.get()
    held = None if read is None else read.get(actor.pk)
    if held is None:
        holders = User.objects.active().filter(pk=actor.pk)
        held = frozenset(Permission.objects.filter(roles__users__in=holders).values_list("name", flat=True))
        if read is not None:
            read[actor.pk] = held
    return current_principal().within_scopes(held)


def authorize(actor: Actor, needed: str | Iterable[str], target: User | Role | Target | None = None) -> None:
    """Raise Forbidden, naming the first of the missing, unless `actor` holds the needed permission or permissions.

    The denial is recorded as one about the `target`. This is the rule against escalation as well: what a target holds
    or would hold, the actor must hold too.
    """
    missing = {needed} if isinstance(needed, str) else set(needed)
    missing -= held_permissions(actor)
    if missing:
        raise Forbidden(in_catalogue_order(missing)[0], Target.of(target))


def authorize_roles(actor: Actor, roles: Iterable[Role]) -> None:
    """Raise Forbidden, filed under the first role that gives more, unless `actor` holds all that these roles give."""
    held, roles = held_permissions(actor), list(roles)
    given: dict[int, set[str]] = {}
    through = Role.permissions.through.objects.filter(role__in=roles)
    for role_id, permission in through.values_list("role_id", "permission__name"):
        given.setdefault(role_id, set()).add(permission)
    for role in roles:
        if missing := given.get(role.pk, set()) - held:
            raise Forbidden(in_catalogue_order(missing)[0], Target.of(role))


def require_remaining_super_administrator(without: Iterable[int]) -> None:
    """Raise Conflict if the users of the ids `without` are the last active Super Administrators.

    People with a password count, since a service account or someone who was only invited can't sign in to appoint
    another; of those who don't count one must stay too. The role's row is locked until the transaction ends, so of two
    changes that would each leave the other's user as the last one, the second waits and then sees what the first did.
    """
    Role.objects.select_for_update(no_key=True).get(slug=SUPER_ADMIN)
    active = User.objects.active().super_administrators()
    people = active.people().with_password()
    if not active.exclude(pk__in=without).exists():
        raise Conflict("This is the last active Super Administrator. Appoint another one first.")
    if people.filter(pk__in=without).exists() and not people.exclude(pk__in=without).exists():
        raise Conflict(
            "This is the last active Super Administrator who is a person with a password. Appoint another one first."
        )
