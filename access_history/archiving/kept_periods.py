"""What stays of the history when events are archived and dropped, and the hash by which it is recognized.

The event of the archive has that hash: of all periods that had ended by the last dropped event, and of what held then.
People's names are not in it, as they may be erased.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from access_history.access_events import read_events
from access_history.archiving.states import without_names
from access_history.models import AccountPeriod, ArchivedState, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.models.periods import Period
from audit.models import Action, AuditLog

MEMBER = "access_history"
ORDERS: dict[type[Period], tuple[str, ...]] = {
    AccountPeriod: ("user_id", "from_event", "to_event", "from_at"),
    GrantPeriod: ("user_id", "role_id", "from_event", "to_event", "from_at"),
    RolePeriod: ("role_id", "from_event", "to_event", "from_at"),
    RolePermissionPeriod: ("role_id", "permission", "from_event", "to_event", "from_at"),
}
NAMES = frozenset({"id", "username", "first_name", "last_name", "granted_by_name"})


def last_archived_event() -> int:
    """The last event that was dropped while the history was kept, 0 before the first archive."""
    return int(_kept().get("until", 0))


def is_kept_unchanged() -> bool:
    """Whether it is what the event of the last archive says; without an archive, whether nothing is kept."""
    kept = _kept()
    if not kept:
        return not ArchivedState.objects.exists()
    return hash_of_kept(int(kept["until"])) == str(kept["sha256"])


def _kept() -> Mapping[str, Any]:
    """Of the last archive that this installation recorded, or that is sealed: a stranger's event proves nothing."""
    archives = AuditLog.objects.filter(action=Action.ARCHIVE, success=True, details__has_key=MEMBER)
    event = next(read_events(archives.order_by("-pk")), None)
    return event.details[MEMBER] if event else {}


def hash_of_kept(until: int) -> str:
    """SHA-256 over lines of JSON, one for each period that had ended with this event, then each state after it."""
    digest = hashlib.sha256()
    for line in _lines(until):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _lines(until: int) -> Iterator[str]:
    for model, order in ORDERS.items():
        names = sorted(field.name for field in model._meta.concrete_fields if field.name not in NAMES)
        rows = model._default_manager.filter(to_event__lte=until).order_by(*order)
        for values in rows.values_list(*names).iterator():
            yield json.dumps([model._meta.db_table, *values], default=_text)
    for state in ArchivedState.objects.order_by("kind", "subject_id").iterator():
        yield json.dumps([state.kind, state.subject_id, without_names(state)], sort_keys=True)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
