"""Text alternatives of the charts, a sentence each."""

from datetime import date

from analytics.queries import Figures


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
