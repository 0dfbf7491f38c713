"""An event's changes, before and after, for tables."""

from dataclasses import dataclass

from audit.models import AuditLog
from audit.presentation.field_names import field_label


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One field: each side as lines; of two lists only the differences, and the number of common entries."""

    field: str
    before: list[str]
    after: list[str]
    unchanged: int = 0


def change_rows(event: AuditLog) -> list[ChangeRow]:
    """The changed fields in order. Values that don't look like a change are left to the raw JSON."""
    return [_change_row(name, old, new) for name, (old, new) in event.changes.items()]


def _change_row(name: str, old: object, new: object) -> ChangeRow:
    field = field_label(name).capitalize()
    if isinstance(old, list) and isinstance(new, list):
        gone = [str(entry) for entry in old if entry not in new]
        added = [str(entry) for entry in new if entry not in old]
        return ChangeRow(field, gone, added, unchanged=len(old) - len(gone))
    if name == "is_active":
        return ChangeRow(field, _status_lines(old), _status_lines(new))
    return ChangeRow(field, _value_lines(old), _value_lines(new))


def _status_lines(value: object) -> list[str]:
    return [] if value is None else ["Active" if value else "Inactive"]


def _value_lines(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["Yes" if value else "No"]
    if isinstance(value, list):
        return [str(entry) for entry in value]
    return [] if value in (None, "") else [str(value)]
