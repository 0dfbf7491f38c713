"""Permissions as tables for the pages: resource by action, and the difference that a change of a role makes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from accounts.core.catalogue import PERMISSIONS, PermissionEntry
from accounts.core.text import humanize

#: The columns, in the order in which the catalogue first names them.
ACTIONS = tuple(dict.fromkeys(permission.action for permission in PERMISSIONS))


@dataclass(frozen=True, slots=True)
class Cell:
    """A permission, whether it is held, and whether the reader could grant it."""

    permission: PermissionEntry
    is_held: bool
    is_grantable: bool = True

    @property
    def label(self) -> str:
        # For screen readers: "lab test: approve".
        return f"{self.permission.resource.replace('_', ' ')}: {self.permission.action}"


@dataclass(frozen=True, slots=True)
class Row:
    """A resource; a cell is None where there is no such permission."""

    resource: str
    cells: tuple[Cell | None, ...]

    @property
    def label(self) -> str:
        return humanize(self.resource)

    @property
    def held(self) -> list[Cell]:
        return [cell for cell in self.cells if cell and cell.is_held]


@dataclass(frozen=True, slots=True)
class PermissionMatrix:
    rows: tuple[Row, ...]

    @property
    def actions(self) -> list[str]:
        return [humanize(action) for action in ACTIONS]

    @property
    def cells(self) -> Iterator[Cell]:
        return (cell for row in self.rows for cell in row.cells if cell)

    @property
    def held_count(self) -> int:
        return sum(cell.is_held for cell in self.cells)

    @property
    def total(self) -> int:
        return len(PERMISSIONS)

    @property
    def held_rows(self) -> list[Row]:
        return [row for row in self.rows if row.held]

    @property
    def has_locked(self) -> bool:
        return any(not cell.is_grantable for cell in self.cells)

    @classmethod
    def of(cls, held: Collection[str], grantable: Collection[str] | None = None) -> "PermissionMatrix":
        """The table of the `held` permissions; `grantable` are those that the reader holds, None for all."""
        grantable_names = {entry.name for entry in PERMISSIONS} if grantable is None else grantable
        cells = {
            (entry.resource, entry.action): Cell(entry, entry.name in held, entry.name in grantable_names)
            for entry in PERMISSIONS
        }
        resources = dict.fromkeys(entry.resource for entry in PERMISSIONS)
        return cls(
            tuple(Row(resource, tuple(cells.get((resource, action)) for action in ACTIONS)) for resource in resources)
        )


@dataclass(frozen=True, slots=True)
class RoleChange:
    given: list[PermissionEntry]
    taken: list[PermissionEntry]
    user_count: int

    @property
    def is_empty(self) -> bool:
        return not self.given and not self.taken

    @classmethod
    def between(cls, before: Iterable[str], after: Iterable[str], user_count: int) -> "RoleChange":
        held, wanted = set(before), set(after)
        given = [entry for entry in PERMISSIONS if entry.name in wanted - held]
        taken = [entry for entry in PERMISSIONS if entry.name in held - wanted]
        return cls(given, taken, user_count)
