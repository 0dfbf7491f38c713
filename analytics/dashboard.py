"""What the dashboard shows, and the version by which it knows that nothing changed."""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Permission, Role, Session
from analytics import queries
from analytics.chart_summaries import activity_sentence, growth_sentence, roles_sentence, status_sentence
from analytics.history import active_users_at, users_at
from audit.models import AuditLog
from audit.statistics.latest_event import newest_event
from reprotech import __version__
from reprotech.core.status import CONNECTED, cache_state, database_state

RECENT = 8
CHANGE_DAYS = settings.LOOKING_BACK_DAYS
#: Seconds after which the figures are made again though nothing was recorded: sessions expire and days pass in silence,
#: and events may become visible out of the order of their ids. Who has the same already is told that nothing changed.
SLOT = 60


@dataclass(frozen=True, slots=True)
class Card:
    """A figure, and by how much it changed."""

    label: str
    value: int
    change: int
    note: str = ""

    @property
    def fewer(self) -> int:
        """By how much it fell."""
        return -self.change


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: what it shows, in words too, and its table. `name` is how the script knows it."""

    name: str
    title: str
    summary: str
    kind: str
    labels: list[str]
    #: (name, values, the CSS variable of its colour) of each series; one colour a bar if there are several.
    series: list[tuple[str, list[int], list[str]]]

    @property
    def columns(self) -> list[str]:
        """The heads of the table's columns of numbers."""
        return [name for name, _, _ in self.series]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """The table, the latest day first; empty days of long ranges are there too."""
        columns = [values for _, values, _ in self.series]
        rows = [(label, [values[n] for values in columns]) for n, label in enumerate(self.labels)]
        return rows[::-1] if self.is_daily else rows

    @property
    def is_daily(self) -> bool:
        """Whether the labels are dates."""
        return self.kind in {"line", "stacked"}

    @property
    def for_script(self) -> dict[str, Any]:
        """What `dashboard.js` draws."""
        series = [{"label": name, "data": values, "colors": colors} for name, values, colors in self.series]
        return {"kind": self.kind, "labels": self.labels, "series": series}


def version_of(days: int) -> str:
    """Changes whenever the dashboard has changed, a second later at most for what is recorded, else `SLOT`."""
    moment = _moment(days)
    known = _versions.get(days)
    if known is None or known[0] != moment:
        content = [figures_of(days), _latest_in_short(), health()]
        digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
        # With what was recorded last, which may have changed what somebody may see of it.
        known = _versions[days] = moment, f"{newest_event()}-{days}-{digest[:16]}"
    return known[1]


def _moment(days: int) -> str:
    return f"{newest_event()}-{days}-{int(time.time()) // SLOT}"


#: By the range of days: the moment of the last look, and the version that it found.
_versions: dict[int, tuple[str, str]] = {}


def forget() -> None:
    """Look again."""
    _versions.clear()


def figures_of(days: int) -> dict[str, Any]:
    """Cards and charts, made once for all who look at the same time."""
    key = f"dashboard:{_moment(days)}"
    figures: dict[str, Any] | None = _from_cache(key)
    if figures is None:
        figures = {**queries.user_analytics(days), "before": _before(), "now": _now()}
        _to_cache(key, figures)
    return figures


def _from_cache(key: str) -> Any:
    try:
        return cache.get(key)
    except Exception:  # noqa: BLE001 (without the cache it is made anew)
        return None


def _to_cache(key: str, figures: dict[str, Any]) -> None:
    try:
        cache.set(key, figures, SLOT * 2)
    except Exception:  # noqa: BLE001 (as above)
        return


def _now() -> dict[str, int]:
    return {
        "system_roles": Role.objects.filter(is_system=True).count(),
        "custom_roles": Role.objects.filter(is_system=False).count(),
        "permissions": Permission.objects.count(),
    }


def _before() -> dict[str, int]:
    moment = timezone.now() - timedelta(days=CHANGE_DAYS)
    return {
        "users": users_at(moment),
        "active_users": active_users_at(moment),
        "system_roles": Role.objects.filter(is_system=True, created_at__lt=moment).count(),
        "permissions": Permission.objects.filter(created_at__lt=moment).count(),
    }


def cards_of(figures: dict[str, Any]) -> list[Card]:
    """The four figures at the top."""
    now, before = figures["now"], figures["before"]
    users, active, custom = figures["total_users"], figures["active_users"], now["custom_roles"]
    own = f"and {custom} of your own" if custom else ""
    return [
        Card("Total users", users, users - before["users"]),
        Card("Active users", active, active - before["active_users"]),
        Card("System roles", now["system_roles"], now["system_roles"] - before["system_roles"], own),
        Card("Permissions", now["permissions"], now["permissions"] - before["permissions"]),
    ]


def charts_of(figures: dict[str, Any]) -> list[Chart]:
    """The four charts."""
    growth, activity, roles = figures["user_growth"], figures["login_activity"], figures["users_by_role"]
    dates = [day["date"] for day in growth]
    good, failed = [day["success"] for day in activity], [day["failed"] for day in activity]
    locked = figures["locked_users"]
    statuses = {
        "Active": figures["active_users"],
        "Inactive": figures["inactive_users"] - locked,
        "Locked": locked,
    }
    return [
        Chart(
            "growth",
            "User growth",
            growth_sentence(growth),
            "line",
            dates,
            [("Users", [day["total"] for day in growth], ["--accent"])],
        ),
        Chart(
            "activity",
            "Login activity",
            activity_sentence(activity),
            "stacked",
            dates,
            [("Successful", good, ["--accent"]), ("Failed", failed, ["--chart-2"])],
        ),
        Chart(
            "roles",
            "Users by role",
            roles_sentence(roles),
            "bars",
            list(roles),
            [("Users", list(roles.values()), ["--accent"])],
        ),
        Chart(
            "status",
            "User status",
            status_sentence(statuses),
            "doughnut",
            list(statuses),
            [("Users", list(statuses.values()), ["--accent", "--chart-7", "--chart-2"])],
        ),
    ]


def latest() -> dict[str, Any]:
    """Recent logins and sessions: a few rows each, so always as they are now."""
    alive = Session.objects.alive()
    return {
        "logins": AuditLog.objects.sign_ins().newest_first()[:RECENT],
        "session_count": alive.count(),
        "sessions": alive.select_related("user").latest_used_first()[:RECENT],
    }


def _latest_in_short() -> tuple[Any, ...]:
    """By what one knows whether they have changed."""
    shown = latest()
    sessions = [(session.pk, session.last_used_at, session.user.username) for session in shown["sessions"]]
    return [event.pk for event in shown["logins"]], sessions, shown["session_count"]


def health() -> list[tuple[str, str, bool]]:
    """(part, state in a word, is it well) of what Reprotech stands on."""
    parts = (("Database", database_state()), ("Cache", cache_state()))
    return [(name, "Connected" if state == CONNECTED else "Unavailable", state == CONNECTED) for name, state in parts]


def version() -> str:
    """The version that runs."""
    return __version__
