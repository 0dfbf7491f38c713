"""The permissions that applications bring, as pages show them: below the table of Reprotech's own, by application."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from accounts.models import Permission
from accounts.roles.applications import Registered
from accounts.roles.permission_tables import Cell, permission_matrix


@dataclass(frozen=True, slots=True)
class ApplicationGroup:
    """An application's permissions, each in a cell."""

    slug: str
    label: str
    cells: list[Cell]


def application_groups(
    held: Collection[str], grantable: Collection[str] | None = None, offered: Collection[str] | None = None
) -> list[ApplicationGroup]:
    """By application; None stands for all. A retired permission is shown only where it is held."""
    found = [
        permission
        for permission in Permission.objects.of_applications()
        if (offered is None or permission.name in offered) and (permission.name in held or not permission.is_retired)
    ]
    names = Registered.applications.names() if found else {}
    return [
        ApplicationGroup(
            slug,
            names.get(slug, slug),
            [Cell(entry, entry.name in held, grantable is None or entry.name in grantable) for entry in entries],
        )
        for slug, entries in groupby(
            sorted(found, key=lambda entry: (entry.application_slug, entry.name)),
            key=lambda entry: entry.application_slug,
        )
    ]


def permission_choices(
    chosen: Collection[str],
    *,
    held: Collection[str] = (),
    grantable: Collection[str] | None = None,
    offered: Collection[str] | None = None,
) -> dict[str, object]:
    """The context of a form in which permissions are ticked: the table, what applications bring, and their counts."""
    limits = {"grantable": grantable, "offered": offered}
    matrix = permission_matrix(chosen, **{name: limit for name, limit in limits.items() if limit is not None})
    groups = application_groups({*chosen, *held}, grantable, offered)
    cells = [cell for group in groups for cell in group.cells]
    return {
        "matrix": matrix,
        "application_groups": groups,
        "has_locked": matrix["has_locked"] or not all(cell.is_grantable for cell in cells),
        "choice_count": int(str(matrix["total"])) + len(cells),
    }
