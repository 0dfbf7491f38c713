"""The changes that an event tells of, before and after, as words."""

from dataclasses import dataclass
from typing import Any

from audit.models import AuditLog
from audit.presentation.field_names import field_word


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field: each side as words, one to a line; of two lists only what differs, and how many entries don't."""

    field: str
    before: list[str]
    after: list[str]
    unchanged: int = 0


def shown_changes(event: AuditLog) -> list[ShownChange]:
    """The changed fields in their order; whatever doesn't look like a change is left to the raw JSON."""
    return [_shown(name, old, new) for name, (old, new) in event.changes.items()]


def _shown(name: str, old: Any, new: Any) -> ShownChange:
    field = field_word(name).capitalize()
    if isinstance(old, list) and isinstance(new, list):
        gone = [str(entry) for entry in old if entry not in new]
        added = [str(entry) for entry in new if entry not in old]
        return ShownChange(field, gone, added, unchanged=len(old) - len(gone))
    if name == "is_active":
        return ShownChange(field, _status(old), _status(new))
    return ShownChange(field, _words(old), _words(new))


def _status(value: Any) -> list[str]:
    return [] if value is None else ["Active" if value else "Inactive"]


def _words(value: Any) -> list[str]:
    """The lines of a value; none for an empty one."""
    if isinstance(value, bool):
        return ["Yes" if value else "No"]
    if isinstance(value, list):
        return [str(entry) for entry in value]
    return [] if value in (None, "") else [str(value)]
