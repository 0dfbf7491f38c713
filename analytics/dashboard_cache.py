"""The dashboard's figures, computed once for all readers, and the version by which open dashboards learn of changes."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import Permission, Role, User
from analytics import attention, queries
from analytics.dashboard import health, recent_activity
from analytics.queries import Figures, active_users_at, users_at
from audit.statistics.latest_event import latest_event_id
from reprotech.core.process_cache import process_cache

Computed = TypeVar("Computed", str, SafeString, int)

#: The figures are computed again after this time even if nothing was recorded: sessions expire and days pass without an
#: event, and events may become visible out of the order of their ids.
REFRESH_SECONDS = 60


def version_of(days: int) -> str:
    """A version that changes with the dashboard: within a second of an event, within `REFRESH_SECONDS` otherwise."""

    def compute() -> str:
        content = [figures_of(days), _recent_activity_key(), health()]
        digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
        # The latest event may have changed what a reader is permitted to see.
        return f"{latest_event_id()}-{days}-{digest[:16]}"

    return _computed_once(f"dashboard: version of {days}", _time_slot(days), compute)


def content_of(
    version: str, days: int, may: Mapping[str, bool], to_decide: int, render: Callable[[], SafeString]
) -> SafeString:
    """The content of a version, rendered once for all readers with the same links and number of requests to decide."""
    return _computed_once(f"dashboard: {days} {may} {to_decide}", version, render)


def number_for(reader_id: int, name: str, version: str, compute: Callable[[], int]) -> int:
    """What only this reader sees, counted once in a version: whatever changes their rights is an event."""
    return _computed_once(f"dashboard: {name} of {reader_id}", version, compute)


def _computed_once(key: str, state: str, compute: Callable[[], Computed]) -> Computed:
    """What was computed in this state; only the newest is kept."""
    cached: tuple[str, Computed] | None = process_cache.get(key)
    if cached is None or cached[0] != state:
        cached = state, compute()
        process_cache.set(key, cached)
    return cached[1]


def _time_slot(days: int) -> str:
    return f"{latest_event_id()}-{days}-{_minute()}"


def _minute() -> int:
    return int(time.time()) // REFRESH_SECONDS


def figures_of(days: int) -> Figures:
    """The data of cards, charts and lines, computed once for all readers."""
    return _shared(
        f"dashboard:{_time_slot(days)}",
        lambda: {
            **queries.user_analytics(days),
            "now": _current_counts(),
            # What looks at many rows is not counted for each event again, and the past changes little within an hour.
            "before": _shared(f"dashboard: before {days} {_minute() // 60}", lambda: _earlier_counts(days), hours=1),
            "attention": {
                **attention.current_facts(),
                **_shared(f"dashboard: attention {_minute()}", attention.slow_facts),
            },
        },
    )


def _shared(key: str, compute: Callable[[], Figures], hours: int = 0) -> Figures:
    figures: Figures | None = None
    with suppress(Exception):  # without the cache they are computed
        figures = cache.get(key)
    if figures is None:
        figures = compute()
        with suppress(Exception):
            cache.set(key, figures, hours * 3600 or REFRESH_SECONDS * 2)
    return figures


def _current_counts() -> dict[str, int]:
    return {
        "system_roles": Role.objects.filter(is_system=True).count(),
        "custom_roles": Role.objects.filter(is_system=False).count(),
        "permissions": Permission.objects.count(),
    }


def _earlier_counts(days: int) -> dict[str, int | None]:
    """Numbers at the beginning of the range; None where nothing is as old, or events may be archived."""
    moment = timezone.now() - timedelta(days=days)
    has_users = User.objects.filter(created_at__lt=moment).exists()
    has_events = not 0 < settings.AUDIT_RETENTION_DAYS <= days
    roles = Role.objects.filter(is_system=True, created_at__lt=moment).count()
    return {
        "users": users_at(moment) if has_users else None,
        "active_users": active_users_at(moment) if has_users and has_events else None,
        "system_roles": roles or None,
        "permissions": Permission.objects.filter(created_at__lt=moment).count() or None,
    }


def _recent_activity_key() -> tuple[object, ...]:
    activity = recent_activity()
    sessions = [
        (session.pk, session.last_used_at, session.user.username, others) for session, others in activity["sessions"]
    ]
    return [event.pk for event, _ in activity["sign_ins"]], sessions, activity["session_count"]
