"""What a person may do, in groups: the permissions of each resource, and the roles that give them."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.core.catalogue import PERMISSIONS
from accounts.core.text import humanize
from accounts.models import Role
from accounts.roles.application_permissions import application_groups
from accounts.roles.permission_tables import Sources, effective_access

#: Resources of this console; the lab modules ask for the others.
CONSOLE_RESOURCES = ("user", "role", "audit", "analytics", "settings", "session")


@dataclass(frozen=True, slots=True)
class AccessGroup:
    label: str
    held: int
    total: int
    rows: list[tuple[str, list[Sources]]]


def access_groups(roles: Iterable[Role]) -> dict[str, object]:
    access = effective_access(roles)
    held = sum(_count(sources) for _, sources in access)
    own = [(resource, sources) for resource, sources in access if not _slug_of(sources)]
    console = {humanize(resource) for resource in CONSOLE_RESOURCES}
    groups = []
    for label, is_console in (("Reprotech", True), ("Lab modules", False)):
        rows = [(resource, sources) for resource, sources in own if (resource in console) is is_console]
        total = sum((entry.resource in CONSOLE_RESOURCES) is is_console for entry in PERMISSIONS)
        count = sum(_count(sources) for _, sources in rows)
        groups.append(AccessGroup(label, count, total, rows))
    names = {permission.name for _, sources in access for permissions, _ in sources for permission in permissions}
    for group in application_groups(names):
        rows = [(resource, sources) for resource, sources in access if _slug_of(sources) == group.slug]
        count = sum(_count(sources) for _, sources in rows)
        groups.append(AccessGroup(group.label, count, len(group.cells), rows))
    return {"groups": groups, "held_count": held, "total": sum(group.total for group in groups)}


def _slug_of(sources: list[Sources]) -> str:
    """The application whose permissions these are; "" for those of the catalogue."""
    return sources[0][0][0].application_slug


def _count(sources: list[Sources]) -> int:
    return sum(len(permissions) for permissions, _ in sources)
