"""What a review's item is made of: ids, and facts of the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

Facts = dict[str, Any]

#: More is no review that people can do. No more than these, and one, are read.
MAX_LINES = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    """An item to be, in the order of the review."""

    kind: str
    facts: Facts
    user_id: int | None = None
    role_id: int | None = None
    key_id: UUID | None = None
    application_id: int | None = None
    #: Sorts the lines.
    order: tuple[object, ...] = field(default=())

    @property
    def subject(self) -> tuple[object, ...]:
        """The same in every review."""
        return (self.kind, self.user_id, self.role_id, self.key_id, self.application_id)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """`{field: [old, new]}` of those that differ."""
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}
