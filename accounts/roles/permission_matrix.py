"""Permissions as tables for the pages: resource by action, and what a change of a role gives and takes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from accounts.core.catalogue import PERMISSIONS, PermissionEntry
from accounts.core.text import humanize

#: The columns, in the order in which the catalogue first names them.
ACTIONS = tuple(dict.fromkeys(permission.action for permission in PERMISSIONS))


@dataclass(frozen=True, slots=True)
class Cell:
    """A permission, whether it is held, and whether the reader could give it."""

    permission: PermissionEntry
    is_held: bool
    is_grantable: bool = True

    @property
    def label(self) -> str:
        """Its name aloud: "lab test: approve"."""
        return f"{self.permission.resource.replace('_', ' ')}: {self.permission.action}"


@dataclass(frozen=True, slots=True)
class Row:
    """A resource; a cell is None where there is no such permission."""

    resource: str
    cells: tuple[Cell | None, ...]

    @property
    def label(self) -> str:
        """The resource for people."""
        return humanize(self.resource)

    @property
    def held(self) -> list[Cell]:
        """What may be done to it."""
        return [cell for cell in self.cells if cell and cell.is_held]


@dataclass(frozen=True, slots=True)
class PermissionMatrix:
    """All permissions, by resource and action."""

    rows: tuple[Row, ...]

    @property
    def actions(self) -> list[str]:
        """The columns' headings."""
        return [humanize(action) for action in ACTIONS]

    @property
    def cells(self) -> Iterator[Cell]:
        """Every permission."""
        return (cell for row in self.rows for cell in row.cells if cell)

    @property
    def held_count(self) -> int:
        """How many are held."""
        return sum(cell.is_held for cell in self.cells)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(PERMISSIONS)

    @property
    def held_rows(self) -> list[Row]:
        """The resources to which anything may be done."""
        return [row for row in self.rows if row.held]

    @property
    def has_locked(self) -> bool:
        """Whether there are some that the reader couldn't give."""
        return any(not cell.is_grantable for cell in self.cells)

    @classmethod
    def of(cls, held: Collection[str], grantable: Collection[str] | None = None) -> "PermissionMatrix":
        """The table of the `held` permissions (names); `grantable` are those that the reader holds, None for all."""
        givable = {entry.name for entry in PERMISSIONS} if grantable is None else grantable
        cells = {
            (entry.resource, entry.action): Cell(entry, entry.name in held, entry.name in givable)
            for entry in PERMISSIONS
        }
        resources = dict.fromkeys(entry.resource for entry in PERMISSIONS)
        return cls(
            tuple(Row(resource, tuple(cells.get((resource, action)) for action in ACTIONS)) for resource in resources)
        )


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What saving a role would do: permissions given and taken, and how many users it touches."""

    given: list[PermissionEntry]
    taken: list[PermissionEntry]
    user_count: int

    @property
    def is_empty(self) -> bool:
        """Whether the permissions stay as they are."""
        return not self.given and not self.taken

    @classmethod
    def between(cls, before: Iterable[str], after: Iterable[str], user_count: int) -> "RoleChange":
        """From the names that a role holds to those that it would hold."""
        held, wanted = set(before), set(after)
        given = [entry for entry in PERMISSIONS if entry.name in wanted - held]
        taken = [entry for entry in PERMISSIONS if entry.name in held - wanted]
        return cls(given, taken, user_count)
