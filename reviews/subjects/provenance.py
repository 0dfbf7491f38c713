"""Who gave what, when and why, as far as the audit log knows."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from audit.models import Action, AuditLog

BATCH_SIZE = 500


class Origin(NamedTuple):
    """Ids, not names: a person who is erased leaves every review."""

    by: int | None
    at: datetime
    reason: str

    def as_facts(self) -> dict[str, object]:
        return {"granted_by": self.by, "granted_at": self.at.isoformat(), "granted_reason": self.reason}


def origins_of_accounts(user_ids: Collection[int]) -> dict[int, Origin]:
    """Who created each account."""
    return {int(event.resource_id): _origin(event) for event in _events(user_ids, [Action.CREATE])}


def origins_of_grants(user_ids: Collection[int]) -> dict[tuple[int, str], Origin]:
    """Who gave each role last, by the account's id and the role's name at that time."""
    found: dict[tuple[int, str], Origin] = {}
    for event in _events(user_ids, [Action.CREATE, Action.ROLE_ASSIGN]):
        names = event.details.get("roles")
        if event.action == Action.CREATE:
            names = (event.changes.get("roles") or [None, None])[1]
        for name in names if isinstance(names, list) else []:
            found[int(event.resource_id), str(name)] = _origin(event)
    return found


def _events(user_ids: Collection[int], actions: list[Action]) -> Iterator[AuditLog]:
    ids = sorted(user_ids)
    for first in range(0, len(ids), BATCH_SIZE):
        some = [str(pk) for pk in ids[first : first + BATCH_SIZE]]
        about = AuditLog.objects.filter(resource="user", resource_id__in=some, action__in=actions, success=True)
        # In the order of the log: the last one counts.
        yield from about.only("resource_id", "action", "details", "user_id", "timestamp").order_by("id")


def _origin(event: AuditLog) -> Origin:
    return Origin(event.user_id, event.timestamp, str(event.details.get("reason_given") or ""))
