from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Role, User
from accounts.user_list import counters as user_list_counters
from accounts.user_list.counters import changes_since
from audit.models import Action, AuditLog
from audit.statistics import daily_counts

RECENT_LOGINS = 10
#: What changes whether a user may sign in, and of how many such events the past is reckoned back.
STATUS_ACTIONS = (Action.LOCK, Action.UNLOCK, Action.DELETE, Action.UPDATE)
MAX_CHANGES = 50_000
#: JSON by the names of the API: numbers, series of days and lists.
Figures = dict[str, Any]
UserState = dict[str, bool]


def user_analytics(days: int) -> Figures:
    """The figures of `GET /api/users/analytics`; the daily series end with today (UTC)."""
    today = timezone.now().date()
    dates = [today - timedelta(days=age) for age in range(days - 1, -1, -1)]
    return {
        **user_totals(),
        "users_by_role": users_by_role(),
        "recent_logins": recent_logins(),
        "user_growth": user_growth(dates),
        "login_activity": login_activity(dates),
    }


def user_totals() -> dict[str, int]:
    if user_list_counters.is_supported():
        counters = user_list_counters.read_counters(["existing", "active", "locked"])
        return {
            "total_users": counters["existing"],
            "active_users": counters["active"],
            "inactive_users": counters["existing"] - counters["active"],
            "locked_users": counters["locked"],
        }
    # As the counters count: a beginning or an end once it is on record.
    active = Q(is_active=True, locked_at__isnull=True, period_state="")
    totals: dict[str, int] = User.objects.existing().aggregate(
        total_users=Count("pk"),
        active_users=Count("pk", filter=active),
        inactive_users=Count("pk", filter=~active),
        locked_users=Count("pk", filter=Q(locked_at__isnull=False)),
    )
    return totals


def users_by_role() -> dict[str, int]:
    return {role.name: role.user_count for role in Role.objects.with_user_count()}


def recent_logins() -> list[dict[str, str | None]]:
    rows = AuditLog.objects.sign_ins().filter(success=True).newest_first()[:RECENT_LOGINS]
    return [
        {
            "user": row.username,
            "timestamp": row.timestamp.isoformat().replace("+00:00", "Z"),
            "ip_address": row.ip_address,
        }
        for row in rows
    ]


def user_growth(dates: list[date]) -> list[Figures]:
    """For each date the users at its end and those created on it, counted back from the present total."""
    created, deleted = changes_since(dates[0])
    total = user_totals()["total_users"]
    growth = []
    for day in reversed(dates):
        growth.append({"date": day.isoformat(), "total": total, "new": created[day]})
        total += deleted[day] - created[day]
    return growth[::-1]


def login_activity(dates: list[date]) -> list[Figures]:
    counts = daily_counts.read_counts(Action.LOGIN, dates[0])
    return [{"date": day.isoformat(), "success": counts[day, True], "failed": counts[day, False]} for day in dates]


# Numbers of users in the past: the present ones, minus the changes that the audit log recorded since.


def users_at(moment: datetime) -> int:
    created: int = User.objects.existing().filter(created_at__gte=moment).count()
    deleted: int = User.objects.filter(deleted_at__gte=moment, created_at__lt=moment).count()
    return user_totals()["total_users"] - created + deleted


def active_users_at(moment: datetime) -> int | None:
    """None after more than MAX_CHANGES events that may have changed who is active."""
    if daily_counts.events_since(STATUS_ACTIONS, moment.astimezone(UTC).date()) > MAX_CHANGES:
        return None
    existing = User.objects.filter(created_at__lt=moment).exclude(deleted_at__lt=moment)
    changed = _states_before_changes(moment)
    created = User.objects.existing().filter(created_at__gte=moment)
    # Those who may not sign in are few, and have indexes.
    stopped = created.filter(Q(is_active=False) | Q(locked_at__isnull=False) | ~Q(period_state=""))
    number: int = user_totals()["active_users"] - (created.count() - stopped.count())
    rows = existing.filter(pk__in=changed).values_list("pk", "is_active", "locked_at", "deleted_at", "period_state")
    for pk, is_active, locked_at, deleted_at, period_state in rows:
        is_locked, is_deleted = locked_at is not None, deleted_at is not None
        before = changed[pk]
        # Deleting deactivates too, which its event records.
        is_within = not period_state
        was_active = before.get("is_active", is_active) and not before.get("locked", is_locked)
        was_active = was_active and before.get("is_within", is_within)
        number += int(was_active) - int(is_active and is_within and not is_locked and not is_deleted)
    return number


def _states_before_changes(moment: datetime) -> dict[int, UserState]:
    """By user: the status before their first change since."""
    since = AuditLog.objects.filter(action__in=STATUS_ACTIONS, timestamp__gte=moment, resource="user", success=True)
    has_status = Q(details__changes__has_key="is_active") | Q(details__changes__has_key="period_state")
    rows = since.filter(~Q(action=Action.UPDATE) | has_status)
    states: dict[int, UserState] = {}
    for resource_id, details in rows.order_by("id").values_list("resource_id", "details").iterator():
        changes = details.get("changes") or {}
        before = {field: bool(changes[field][0]) for field in ("is_active", "locked") if field in changes}
        if "period_state" in changes:
            before["is_within"] = changes["period_state"][0] == "active"
        states[int(resource_id)] = before | states.get(int(resource_id), {})
    return states
