"""The dashboard's charts: what they show, the sentence that says the same, and the lists behind their bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import USER_READ
from analytics.queries import Figures
from audit.models import Action
from audit.permissions import AUDIT_READ

#: From so many days on a bar stands for a week: a year's days would be thin as hair.
MIN_WEEKLY_DAYS = 90
#: Roles that are shown.
MAX_ROLES = 10
#: The width of a bar that stands for all; what there is at all has at least the second width.
FULL_WIDTH, MIN_WIDTH = 1000, 8

May = Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Period:
    """A day, or a week that begins on Monday, as far as it is within the range."""

    first: date
    last: date

    @property
    def label(self) -> str:
        if self.first == self.last:
            return f"{self.first:%-d %b %Y}"
        return f"{self.first:%-d %b} to {self.last:%-d %b %Y}"

    def events(self, **filters: str) -> str:
        """The address of the period's events in the audit log."""
        return f"{reverse('audit')}?{urlencode({**filters, 'from': str(self.first), 'to': str(self.last)})}"


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: list[int]
    #: A CSS variable.
    color: str
    is_line: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    #: How `dashboard.js` knows it.
    name: str
    title: str
    summary: str
    periods: list[Period]
    series: list[Series]
    #: The list behind each period; none for a reader who may not open it.
    urls: list[str]
    #: Whether the bars have an axis of their own, since the line is far above them.
    has_two_axes: bool = False

    @property
    def is_weekly(self) -> bool:
        return any(period.first != period.last for period in self.periods)

    @property
    def rows(self) -> list[tuple[str, str, list[int]]]:
        """(period, address of its list, numbers) of the chart's table, the latest first."""
        urls = self.urls or [""] * len(self.periods)
        values = zip(*(one.values for one in self.series), strict=True)
        rows = zip((period.label for period in self.periods), urls, map(list, values), strict=True)
        return list(rows)[::-1]

    @property
    def for_script(self) -> dict[str, object]:
        return {
            "labels": [period.first.isoformat() for period in self.periods],
            "titles": [period.label for period in self.periods],
            "series": [
                {"label": one.name, "data": one.values, "color": one.color, "isLine": one.is_line}
                for one in self.series
            ],
            "urls": self.urls,
            "hasTwoAxes": self.has_two_axes,
        }


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a bar, or a bar of its own."""

    label: str
    count: int
    url: str
    width: int
    start: int = 0


def charts_of(figures: Figures, may: May) -> list[Chart]:
    growth, activity = figures["user_growth"], figures["login_activity"]
    periods = periods_of([date.fromisoformat(day["date"]) for day in growth])
    joined, signed_in = (
        [period.events(**filters) for period in periods] if may[AUDIT_READ] else []
        for filters in ({"action": Action.CREATE.value, "resource": "user"}, {"action": Action.LOGIN.value})
    )
    growth_series = [
        Series("Users", [growth[end]["total"] for _, end in _bounds(periods)], "--accent", is_line=True),
        Series("New users", _sums(growth, "new", periods), "--chart-6"),
    ]
    activity_series = [
        Series("Successful", _sums(activity, "success", periods), "--accent"),
        Series("Failed", _sums(activity, "failed", periods), "--chart-2"),
    ]
    return [
        Chart("growth", "User growth", growth_summary(growth), periods, growth_series, joined, has_two_axes=True),
        Chart("activity", "Sign-in activity", activity_summary(activity), periods, activity_series, signed_in),
    ]


def periods_of(days: list[date]) -> list[Period]:
    """The days themselves, or the weeks that they are in."""
    if len(days) < MIN_WEEKLY_DAYS:
        return [Period(day, day) for day in days]
    weeks: dict[date, list[date]] = {}
    for day in days:
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(day)
    return [Period(week[0], week[-1]) for week in weeks.values()]


def _bounds(periods: list[Period]) -> list[tuple[int, int]]:
    """The positions of each period's first and last day in the days of the range."""
    start = periods[0].first
    return [((period.first - start).days, (period.last - start).days) for period in periods]


def _sums(days: list[Figures], name: str, periods: list[Period]) -> list[int]:
    return [sum(day[name] for day in days[first : last + 1]) for first, last in _bounds(periods)]


def statuses_of(figures: Figures, may: May) -> list[Share]:
    """The parts of the bar of all users."""
    locked = figures["locked_users"]
    counts = {
        "active": figures["active_users"],
        "inactive": figures["inactive_users"] - locked,
        "locked": locked,
    }
    total = max(sum(counts.values()), 1)
    shares, start = [], 0
    for status, count in counts.items():
        url = f"{reverse('users')}?status={status}" if may[USER_READ] else ""
        width = _width(count, total)
        shares.append(Share(status.capitalize(), count, url, width, start))
        start += width
    return shares


def roles_of(figures: Figures, may: May) -> list[Share]:
    """A bar for each role, those of most users first where there are too many."""
    roles: dict[str, int] = figures["users_by_role"]
    most = max(roles.values(), default=0) or 1
    shown = [*roles] if len(roles) <= MAX_ROLES else sorted(roles, key=lambda name: -roles[name])[:MAX_ROLES]
    return [
        Share(
            name,
            roles[name],
            f"{reverse('users')}?{urlencode({'role': name})}" if may[USER_READ] else "",
            _width(roles[name], most),
        )
        for name in shown
    ]


def _width(count: int, total: int) -> int:
    return max(MIN_WIDTH, round(FULL_WIDTH * count / total)) if count else 0


# A sentence for each.


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


def roles_summary(roles: Mapping[str, int]) -> str:
    if not any(roles.values()):
        return "Nobody holds a role yet."
    name = max(roles, key=lambda role: roles[role])
    unused = sum(1 for number in roles.values() if not number)
    rest = f"; {unused} role{'s are' if unused > 1 else ' is'} not in use" if unused else ""
    return f"Most hold {name}: {roles[name]:,}{rest}."


def _users(number: int) -> str:
    return f"{number:,} user{'' if number == 1 else 's'}"


def _days(number: int) -> str:
    return "a day" if number == 1 else f"{number} days"
