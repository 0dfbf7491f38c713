"""Columns and row height of lists, as each person chose them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    label: str
    is_default: bool = True


@dataclass(frozen=True, slots=True)
class ListSettings:
    """Columns in the list's own order, and whether rows are low."""

    columns: tuple[str, ...]
    is_compact: bool = False

    @classmethod
    def of(cls, known: Iterable[Column], stored: object) -> "ListSettings":
        """What was stored, as far as the list still has it; its defaults where nothing was."""
        if not isinstance(stored, dict) or not isinstance(stored.get("columns"), list):
            return cls(tuple(column.name for column in known if column.is_default))
        names = tuple(column.name for column in known if column.name in stored["columns"])
        return cls(names, stored.get("is_compact") is True)

    def as_json(self) -> dict[str, object]:
        return {"columns": [*self.columns], "is_compact": self.is_compact}


#: Of the list of users, in their order; the user's name always comes first.
USER_COLUMNS = (
    Column("email", "E-mail"),
    Column("roles", "Roles"),
    Column("status", "Status"),
    Column("factor", "Two-factor"),
    Column("last_login", "Last sign-in"),
    Column("created_at", "Created", is_default=False),
    Column("id", "ID", is_default=False),
    Column("keys", "API keys", is_default=False),
)
#: The lists whose columns people choose, by the names under which their settings are stored.
LISTS = {"users": USER_COLUMNS}
