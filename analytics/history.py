"""Numbers of users in the past: the present ones, minus the changes that the audit log recorded since."""

from datetime import datetime
from typing import TypedDict

from django.db.models import Q

from accounts.models import User
from analytics.queries import user_totals
from audit.models import Action, AuditLog

UserState = dict[str, bool]


class EventDetails(TypedDict, total=False):
    changes: dict[str, list[object]]


def users_at(moment: datetime) -> int:
    created: int = User.objects.existing().filter(created_at__gte=moment).count()
    deleted: int = User.objects.filter(deleted_at__gte=moment, created_at__lt=moment).count()
    return user_totals()["total_users"] - created + deleted


def active_users_at(moment: datetime) -> int:
    existing = User.objects.filter(created_at__lt=moment).exclude(deleted_at__lt=moment)
    changed = _states_before_changes(moment)
    # Users created since are fewer than all others.
    number: int = user_totals()["active_users"] - User.objects.active().filter(created_at__gte=moment).count()
    rows = existing.filter(pk__in=changed).values_list("pk", "is_active", "locked_at", "deleted_at")
    for pk, is_active, locked_at, deleted_at in rows:
        is_locked, is_deleted = locked_at is not None, deleted_at is not None
        before = changed[pk]
        # Deleting deactivates too, which its event records.
        was_active = before.get("is_active", is_active) and not before.get("locked", is_locked)
        number += int(was_active) - int(is_active and not is_locked and not is_deleted)
    return number


def _states_before_changes(moment: datetime) -> dict[int, UserState]:
    """By user: the status before their first change since."""
    rows = AuditLog.objects.filter(resource="user", success=True, timestamp__gte=moment).filter(
        Q(action__in=[Action.LOCK, Action.UNLOCK, Action.DELETE])
        | Q(action=Action.UPDATE, details__changes__has_key="is_active")
    )
    states: dict[int, UserState] = {}
    for resource_id, details in rows.order_by("id").values_list("resource_id", "details").iterator():
        state = states.setdefault(int(resource_id), {})
        for field, change in _status_changes(details):
            state.setdefault(field, bool(change[0]))
    return states


def _status_changes(details: EventDetails) -> list[tuple[str, list[object]]]:
    changes = details.get("changes") or {}
    return [(field, changes[field]) for field in ("is_active", "locked") if field in changes]
