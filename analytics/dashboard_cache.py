"""The dashboard's figures, computed once for all readers, and the version by which open dashboards learn of changes."""

import hashlib
import json
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Permission, Role
from analytics import queries
from analytics.dashboard import health, recent_activity
from analytics.history import active_users_at, users_at
from audit.statistics.latest_event import latest_event_id

COMPARISON_DAYS = settings.DASHBOARD_COMPARISON_DAYS
#: Seconds after which the figures are made again though nothing was recorded: sessions expire and days pass in silence,
#: and events may become visible out of the order of their ids. Who has the same already is told that nothing changed.
REFRESH_SECONDS = 60


def version_of(days: int) -> str:
    """Changes whenever the dashboard has changed, a second later at most for what is recorded, else `SLOT`."""
    moment = _time_slot(days)
    known = _versions.get(days)
    if known is None or known[0] != moment:
        content = [figures_of(days), _recent_activity_key(), health()]
        digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
        # With what was recorded last, which may have changed what somebody may see of it.
        known = _versions[days] = moment, f"{latest_event_id()}-{days}-{digest[:16]}"
    return known[1]


def _time_slot(days: int) -> str:
    return f"{latest_event_id()}-{days}-{int(time.time()) // REFRESH_SECONDS}"


#: By the range of days: the moment of the last look, and the version that it found.
_versions: dict[int, tuple[str, str]] = {}


def reset_versions() -> None:
    """Look again."""
    _versions.clear()


def figures_of(days: int) -> dict[str, Any]:
    """Cards and charts, made once for all who look at the same time."""
    key = f"dashboard:{_time_slot(days)}"
    figures: dict[str, Any] | None = _from_cache(key)
    if figures is None:
        figures = {**queries.user_analytics(days), "before": _earlier_counts(), "now": _current_counts()}
        _to_cache(key, figures)
    return figures


def _from_cache(key: str) -> Any:
    try:
        return cache.get(key)
    except Exception:  # noqa: BLE001 (without the cache it is made anew)
        return None


def _to_cache(key: str, figures: dict[str, Any]) -> None:
    try:
        cache.set(key, figures, REFRESH_SECONDS * 2)
    except Exception:  # noqa: BLE001 (as above)
        return


def _current_counts() -> dict[str, int]:
    return {
        "system_roles": Role.objects.filter(is_system=True).count(),
        "custom_roles": Role.objects.filter(is_system=False).count(),
        "permissions": Permission.objects.count(),
    }


def _earlier_counts() -> dict[str, int]:
    moment = timezone.now() - timedelta(days=COMPARISON_DAYS)
    return {
        "users": users_at(moment),
        "active_users": active_users_at(moment),
        "system_roles": Role.objects.filter(is_system=True, created_at__lt=moment).count(),
        "permissions": Permission.objects.filter(created_at__lt=moment).count(),
    }


def _recent_activity_key() -> tuple[Any, ...]:
    """By what one knows whether they have changed."""
    shown = recent_activity()
    sessions = [(session.pk, session.last_used_at, session.user.username) for session in shown["sessions"]]
    return [event.pk for event in shown["logins"]], sessions, shown["session_count"]
