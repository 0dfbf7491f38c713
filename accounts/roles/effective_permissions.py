"""The permissions that a user has, and the roles that they come from."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from accounts.core.catalogue import PERMISSIONS, PermissionEntry, in_catalogue_order
from accounts.core.text import humanize
from accounts.models import Role, User


@dataclass(frozen=True, slots=True)
class PermissionSource:
    permissions: tuple[PermissionEntry, ...]
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    resource: str
    sources: tuple[PermissionSource, ...]

    @property
    def label(self) -> str:
        return humanize(self.resource)


def effective_access(roles: Iterable[Role]) -> list[ResourceAccess]:
    """Every permission that the roles give, by resource, in the catalogue's order."""
    holders: dict[str, list[Role]] = {}
    for role in roles:
        for name in role.permission_names:
            holders.setdefault(name, []).append(role)
    held = [entry for entry in PERMISSIONS if entry.name in holders]
    access = []
    for resource, entries in groupby(held, key=lambda entry: entry.resource):
        by_roles: dict[tuple[int, ...], list[PermissionEntry]] = {}
        for entry in entries:
            by_roles.setdefault(tuple(role.pk for role in holders[entry.name]), []).append(entry)
        sources = [PermissionSource(tuple(group), tuple(holders[group[0].name])) for group in by_roles.values()]
        access.append(ResourceAccess(resource, tuple(sources)))
    return access


def missing_permissions(actor: User, holder: User | Role) -> list[str]:
    """Permissions that `holder` has and `actor` lacks: while there are any, the actor may not change or assign it."""
    held = holder.grants.permissions if isinstance(holder, User) else holder.permission_names
    return in_catalogue_order(set(held) - actor.get_all_permissions())
