"""The events that say who could do what, read for replay."""

from collections.abc import Iterable, Iterator

from django.db.models import Exists, OuterRef, Q

from access_history.replay import Event
from audit.crypto.sealed_row import SealedRow, is_authentic
from audit.models import Action, AuditLog, Leaf
from audit.models.querysets import AuditLogQuerySet

USER, ROLE, PERMISSION = "user", "role", "permission"
ACTIONS = {
    USER: (
        *(Action.CREATE, Action.UPDATE, Action.DELETE, Action.LOCK, Action.UNLOCK),
        *(Action.ROLE_ASSIGN, Action.ROLE_REVOKE),
    ),
    ROLE: (Action.CREATE, Action.UPDATE, Action.DELETE),
    PERMISSION: (Action.UPDATE, Action.DELETE),
}
MATTERS = Q(*(Q(resource=resource, action__in=actions) for resource, actions in ACTIONS.items()), _connector=Q.OR)


def access_events() -> AuditLogQuerySet:
    """All that replay looks at, in no order: of users, of roles and of permissions."""
    return AuditLog.objects.order_by().filter(MATTERS, success=True)


def events_of_roles() -> AuditLogQuerySet:
    """Those that names and permissions of roles rest on."""
    return access_events().filter(resource__in=[ROLE, PERMISSION])


def events_of_users(user_ids: Iterable[int]) -> AuditLogQuerySet:
    return access_events().filter(resource=USER, resource_id__in=[str(pk) for pk in user_ids])


def read_events(found: AuditLogQuerySet) -> Iterator[Event]:
    """For replay; of those that aren't sealed yet the ones that this installation wrote, as the sealer wants them."""
    is_sealed = Exists(Leaf.objects.filter(event_id=OuterRef("pk")))
    rows = found.with_copies().annotate(is_sealed=is_sealed)
    for *columns, code, is_a_copy, is_sealed_row in rows.values_list(
        *SealedRow._fields, "authentication", "is_copy", "is_sealed"
    ):
        row = SealedRow(*columns)
        if is_sealed_row or (not is_a_copy and is_authentic(row, bytes(code))):
            yield _event(row)


def _event(row: SealedRow) -> Event:
    return Event(
        row.id or 0,
        row.timestamp,
        row.action,
        row.resource,
        row.resource_id,
        row.resource_name,
        row.user_id,
        row.username,
        row.details,
    )
