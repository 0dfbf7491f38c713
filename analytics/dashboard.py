"""Cards, charts and lists of the dashboard."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.models import Session
from analytics.queries import Figures
from audit.models import AuditLog
from reprotech.core.status import CONNECTED, cache_state, database_state

RECENT_ROWS = 8


@dataclass(frozen=True, slots=True)
class Card:
    label: str
    value: int
    change: int
    note: str = ""

    @property
    def fewer(self) -> int:
        return -self.change


@dataclass(frozen=True, slots=True)
class Chart:
    #: How `dashboard.js` knows it.
    name: str
    title: str
    summary: str
    kind: str
    labels: list[str]
    #: (name, values, CSS variables of the colours) of each series; one colour for each bar, if there are several.
    series: list[tuple[str, list[int], list[str]]]

    @property
    def columns(self) -> list[str]:
        return [name for name, _, _ in self.series]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """The rows of the chart's table, the latest day first."""
        columns = [values for _, values, _ in self.series]
        rows = [(label, [values[n] for values in columns]) for n, label in enumerate(self.labels)]
        return rows[::-1] if self.is_daily else rows

    @property
    def is_daily(self) -> bool:
        return self.kind in {"line", "stacked"}

    @property
    def for_script(self) -> dict[str, object]:
        series = [{"label": name, "data": values, "colors": colors} for name, values, colors in self.series]
        return {"kind": self.kind, "labels": self.labels, "series": series}


def cards_of(figures: Figures) -> list[Card]:
    now, before = figures["now"], figures["before"]
    users, active, custom = figures["total_users"], figures["active_users"], now["custom_roles"]
    own = f"and {custom} of your own" if custom else ""
    return [
        Card("Total users", users, users - before["users"]),
        Card("Active users", active, active - before["active_users"]),
        Card("System roles", now["system_roles"], now["system_roles"] - before["system_roles"], own),
        Card("Permissions", now["permissions"], now["permissions"] - before["permissions"]),
    ]


def charts_of(figures: Figures) -> list[Chart]:
    growth, activity, roles = figures["user_growth"], figures["login_activity"], figures["users_by_role"]
    dates = [day["date"] for day in growth]
    successful, failed = [day["success"] for day in activity], [day["failed"] for day in activity]
    locked = figures["locked_users"]
    statuses = {"Active": figures["active_users"], "Inactive": figures["inactive_users"] - locked, "Locked": locked}
    growth_series = [("Users", [day["total"] for day in growth], ["--accent"])]
    activity_series = [("Successful", successful, ["--accent"]), ("Failed", failed, ["--chart-2"])]
    role_series = [("Users", list(roles.values()), ["--accent"])]
    status_series = [("Users", list(statuses.values()), ["--accent", "--chart-7", "--chart-2"])]
    return [
        Chart("growth", "User growth", growth_summary(growth), "line", dates, growth_series),
        Chart("activity", "Login activity", activity_summary(activity), "stacked", dates, activity_series),
        Chart("roles", "Users by role", roles_summary(roles), "bars", list(roles), role_series),
        Chart("status", "User status", status_summary(statuses), "doughnut", list(statuses), status_series),
    ]


def recent_activity() -> dict[str, Any]:
    # Never cached: a few rows each.
    alive = Session.objects.alive()
    return {
        "logins": AuditLog.objects.sign_ins().newest_first()[:RECENT_ROWS],
        "session_count": alive.count(),
        "sessions": alive.select_related("user").latest_used_first()[:RECENT_ROWS],
    }


def health() -> list[tuple[str, str, bool]]:
    """(part, state as a word, whether it works) of the services that Reprotech needs."""
    parts = (("Database", database_state()), ("Cache", cache_state()))
    return [(name, "Connected" if state == CONNECTED else "Unavailable", state == CONNECTED) for name, state in parts]


# Text alternatives of the charts, a sentence each.


def growth_summary(growth: list[Figures]) -> str:
    first = growth[0]["total"] - growth[0]["new"] if growth else 0
    last, new = growth[-1]["total"] if growth else 0, sum(day["new"] for day in growth)
    if first == last:
        return f"{_users(last)}, as many as {_days(len(growth))} ago."
    return f"From {first:,} to {_users(last)} in {_days(len(growth))}; {new:,} joined."


def activity_summary(activity: list[Figures]) -> str:
    good, failed = sum(day["success"] for day in activity), sum(day["failed"] for day in activity)
    if not good + failed:
        return f"Nobody signed in within {_days(len(activity))}."
    busiest = max(activity, key=lambda day: day["success"] + day["failed"])
    most = busiest["success"] + busiest["failed"]
    period, when = _days(len(activity)), f"{date.fromisoformat(busiest['date']):%-d %b %Y}"
    return f"{good:,} successful and {failed:,} failed in {period}; most on {when}: {most:,}."


def roles_summary(roles: dict[str, int]) -> str:
    if not any(roles.values()):
        return "Nobody holds a role yet."
    name = max(roles, key=lambda role: roles[role])
    unused = sum(1 for number in roles.values() if not number)
    rest = f"; {unused} role{'s are' if unused > 1 else ' is'} not in use" if unused else ""
    return f"Most hold {name}: {roles[name]:,}{rest}."


def status_summary(statuses: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {status.lower()}" for status, number in statuses.items()) + "."


def _users(number: int) -> str:
    return f"{number:,} user{'' if number == 1 else 's'}"


def _days(number: int) -> str:
    return "a day" if number == 1 else f"{number} days"
