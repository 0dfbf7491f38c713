"""What the dashboard shows, and the version by which it knows that nothing changed."""

from dataclasses import dataclass
from typing import Any

from accounts.models import Session
from analytics.chart_summaries import activity_summary, growth_summary, roles_summary, status_summary
from audit.models import AuditLog
from reprotech import __version__
from reprotech.core.status import CONNECTED, cache_state, database_state

RECENT_ROWS = 8


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
            growth_summary(growth),
            "line",
            dates,
            [("Users", [day["total"] for day in growth], ["--accent"])],
        ),
        Chart(
            "activity",
            "Login activity",
            activity_summary(activity),
            "stacked",
            dates,
            [("Successful", good, ["--accent"]), ("Failed", failed, ["--chart-2"])],
        ),
        Chart(
            "roles",
            "Users by role",
            roles_summary(roles),
            "bars",
            list(roles),
            [("Users", list(roles.values()), ["--accent"])],
        ),
        Chart(
            "status",
            "User status",
            status_summary(statuses),
            "doughnut",
            list(statuses),
            [("Users", list(statuses.values()), ["--accent", "--chart-7", "--chart-2"])],
        ),
    ]


def recent_activity() -> dict[str, Any]:
    """Recent logins and sessions: a few rows each, so always as they are now."""
    alive = Session.objects.alive()
    return {
        "logins": AuditLog.objects.sign_ins().newest_first()[:RECENT_ROWS],
        "session_count": alive.count(),
        "sessions": alive.select_related("user").latest_used_first()[:RECENT_ROWS],
    }


def health() -> list[tuple[str, str, bool]]:
    """(part, state in a word, is it well) of what Reprotech stands on."""
    parts = (("Database", database_state()), ("Cache", cache_state()))
    return [(name, "Connected" if state == CONNECTED else "Unavailable", state == CONNECTED) for name, state in parts]


def version() -> str:
    """The version that runs."""
    return __version__
