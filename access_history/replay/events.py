"""What replay reads of an event."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

DATABASE_SOURCE = "database"
PERSONAL_NAMES = ("username", "first_name", "last_name")


class Event(NamedTuple):
    """An event that succeeded."""

    id: int
    timestamp: datetime
    action: str
    resource: str
    resource_id: str
    resource_name: str
    actor_id: int | None
    actor_name: str
    details: Mapping[str, Any]

    @property
    def moment(self) -> datetime:
        """When what it records became so. A boundary that passed is recorded later; a change in the database too, but
        what it says of the state after it is that of the moment at which it was recorded.
        """
        return parse_time(self.details.get("effective_at")) or self.timestamp

    @property
    def is_from_database(self) -> bool:
        """Whether triggers captured it, which see columns but no values."""
        return self.details.get("source") == DATABASE_SOURCE

    @property
    def is_about_belonging(self) -> bool:
        """Whether it is about a row that belongs to the account, such as a key or a grant."""
        return bool(self.details.get("record"))

    @property
    def subject_id(self) -> int | None:
        return int(self.resource_id) if self.resource_id.isascii() and self.resource_id.isdigit() else None

    @property
    def state(self) -> Mapping[str, Any] | None:
        """What was so after the event, where it says that."""
        found = self.details.get("state")
        return found if isinstance(found, dict) else None

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """{field: (old, new)}; (None, None) of a field whose values were erased."""
        found = self.details.get("changes")
        if not isinstance(found, dict):
            return {}
        return {name: _pair(values) for name, values in found.items()}

    @property
    def roles(self) -> list[str]:
        return read_names(self.details.get("roles"))

    @property
    def grants(self) -> list["GrantPlan"]:
        return list(read_plans(self.details.get("grants")))

    @property
    def changed_names(self) -> bool:
        """Whether it changes the account's names, also where these were erased since."""
        names = self.changes.keys() & set(PERSONAL_NAMES)
        if self.is_from_database:
            names |= {*read_names(self.details.get("columns"))} & set(PERSONAL_NAMES)
        return bool(names) and not self.is_about_belonging


class GrantPlan(NamedTuple):
    """A grant as events describe it. `role_id` stands only in states."""

    role: str
    starts_at: datetime | None
    ends_at: datetime | None
    role_id: int | None = None


def read_plans(found: object) -> Iterator[GrantPlan]:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and each.get("role"):
            role_id = each.get("role_id")
            yield GrantPlan(
                str(each["role"]),
                parse_time(each.get("starts_at")),
                parse_time(each.get("ends_at")),
                role_id if isinstance(role_id, int) else None,
            )


def parse_time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pair(values: object) -> tuple[Any, Any]:
    if isinstance(values, list) and len(values) == 2:  # noqa: PLR2004
        return values[0], values[1]
    return None, None


def read_names(found: object) -> list[str]:
    return [str(name) for name in found] if isinstance(found, list) else []
