"""Permissions as pages show them: what is held, from which roles, and what the reader lacks."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from accounts.core.catalogue import (
    OWN_RESOURCES,
    PERMISSION_NAMES,
    PERMISSIONS,
    READ,
    RESOURCE_WORDS,
    PermissionEntry,
)
from accounts.core.text import humanize
from accounts.models import Permission, Role

#: The columns, in the order in which the catalogue first names them.
ACTIONS = tuple(dict.fromkeys(permission.action for permission in PERMISSIONS))
#: Permissions, and the roles that all of them come from.
Sources = tuple[list[Permission], list[Role]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A permission, whether it is held, and whether the reader could grant it."""

    permission: PermissionEntry | Permission
    is_held: bool
    is_grantable: bool

    @property
    def resource(self) -> str:
        """What its boxes are ticked by together: two applications may use one word."""
        return self.permission.name.removesuffix(f"_{self.permission.action}")

    @property
    def label(self) -> str:
        # For screen readers: "lab test: approve".
        return f"{self.permission.resource.replace('_', ' ')}: {self.permission.action}"


def group_of(resource: str) -> str:
    """The heading that a resource stands under."""
    return "Reprotech" if resource in OWN_RESOURCES else "Lab modules"


def permission_matrix(
    held: Collection[str],
    grantable: Collection[str] = PERMISSION_NAMES,
    offered: Collection[str] = PERMISSION_NAMES,
) -> dict[str, object]:
    """The table of the `held` permissions; `grantable` are those that the reader holds.

    A cell is None where there is no such permission, or where it isn't `offered`.
    """
    cells = {
        (entry.resource, entry.action): Cell(entry, entry.name in held, entry.name in grantable)
        for entry in PERMISSIONS
        if entry.name in offered
    }
    actions = [action for action in ACTIONS if any(action == found for _, found in cells)]
    rows = [
        {
            "resource": resource,
            "group": group_of(resource),
            "label": humanize(resource),
            "cells": [cells.get((resource, action)) for action in actions],
            "held": [cell for cell in cells.values() if cell.permission.resource == resource and cell.is_held],
        }
        for resource in dict.fromkeys(resource for resource, _ in cells)
    ]
    return {
        "actions": [(action, humanize(action)) for action in actions],
        "groups": [(label, list(found)) for label, found in groupby(rows, key=itemgetter("group"))],
        "held_rows": [row for row in rows if row["held"]],
        "held_count": sum(cell.is_held for cell in cells.values()),
        "total": len(cells),
        "has_locked": not all(cell.is_grantable for cell in cells.values()),
    }


def changed_unread(names: Collection[str]) -> list[str]:
    """What these permissions allow to change, approve or export without reading it, in words."""
    resources = dict.fromkeys(entry.resource for entry in PERMISSIONS if entry.name in names)
    readable = {entry.resource for entry in PERMISSIONS if entry.action == READ}
    read = {entry.resource for entry in PERMISSIONS if entry.action == READ and entry.name in names}
    return [RESOURCE_WORDS[resource] for resource in resources if resource in readable - read]


def effective_access(roles: Iterable[Role]) -> list[tuple[str, list[Sources]]]:
    """Every permission that the roles give, by resource, in the catalogue's order, with the roles that give it.

    Those of applications come last, under the short name of their application and the resource.
    """
    givers: dict[str, list[Role]] = {}
    held: dict[str, Permission] = {}
    for role in roles:
        for permission in role.permissions.all():
            held[permission.name] = permission
            givers.setdefault(permission.name, []).append(role)
    access = []
    for resource, entries in groupby(in_order(held.values()), key=_resource_label):
        by_roles: dict[tuple[int, ...], Sources] = {}
        for entry in entries:
            roles = givers[entry.name]
            by_roles.setdefault(tuple(role.pk for role in roles), ([], roles))[0].append(entry)
        access.append((resource, list(by_roles.values())))
    return access


def in_order(permissions: Iterable[Permission]) -> list[Permission]:
    return sorted(permissions, key=lambda permission: (permission.position, permission.name))


def _resource_label(permission: Permission) -> str:
    label = humanize(permission.resource)
    return f"{permission.application_slug}: {label}" if permission.application_slug else label
