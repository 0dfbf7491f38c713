"""The calendar of the history: growth over the years, working days, holidays and shifts."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from random import Random

DAYS = 3 * 365
SATURDAY = 5
#: Activity on days off, and in the weeks when many are away.
WEEKEND, HOLIDAY, SUMMER, YEAR_END = 0.15, 0.1, 0.75, 0.4
#: Month and day of holidays that many countries share.
HOLIDAYS = {(1, 1), (1, 6), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)}
#: Start of a shift in hours (UTC), and its percentage of sign-ins.
SHIFTS = ((6, 17), (8, 30), (9, 20), (13, 13), (14, 14), (22, 6))
SPREAD_MINUTES = 25


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    #: Users in the evening, and new ones among them.
    people: int
    new: int
    #: New users whose creation has an event, and the number of other events.
    with_event: int
    events: int
    #: Position in the calendar.
    number: int = 0
    #: Changes of accounts, packed by `Careers`.
    changes: "array[int]" = field(default_factory=lambda: array("q"))


def days(people: int, events: int, until: datetime) -> list[Day]:
    """The days that end with `until`. Their new users add up to `people`, their events to `events`."""
    dates = [until.date() - timedelta(days=back) for back in range(DAYS, -1, -1)]
    growth = [_growth(position / DAYS) for position in range(len(dates))]
    arrivals = [
        (later - earlier) * (0.02 if is_quiet(day) else 1)
        for day, earlier, later in zip(dates, [0.0, *growth], growth, strict=False)
    ]
    new = proportional_parts(arrivals, people)
    if people and not new[0]:
        # The first user exists from the beginning: every event has an actor.
        new[new.index(next(filter(None, new)))] -= 1
        new[0] = 1
    there, total = [], 0
    for count in new:
        total += count
        there.append(total)
    weights = [count * activity_level(day) for day, count in zip(dates, there, strict=True)]
    weights[-1] *= (until - midnight(until.date())) / timedelta(days=1)
    # At most half of the events; of more users the last ones.
    with_event, left = [], min(people, events // 2)
    for count in reversed(new):
        with_event.append(min(count, left))
        left -= with_event[-1]
    others = proportional_parts(weights, events - sum(with_event))
    return [
        Day(*fields) for fields in zip(dates, there, new, reversed(with_event), others, range(DAYS + 1), strict=True)
    ]


def proportional_parts(weights: Sequence[float], total: int) -> list[int]:
    """`total` in whole parts proportional to the weights. They add up to it if any weight is above zero."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts, given, before = [], 0, 0.0
    for weight in weights:
        before += weight
        parts.append(round(total * min(before / whole, 1)) - given)
        given += parts[-1]
    parts[-1] += total - given
    return parts


def is_quiet(day: date) -> bool:
    return day.weekday() >= SATURDAY or (day.month, day.day) in HOLIDAYS


def activity_level(day: date) -> float:
    """Activity of a day, as a share of a usual one."""
    share = WEEKEND if day.weekday() >= SATURDAY else 1.0
    if (day.month, day.day) in HOLIDAYS:
        share = HOLIDAY
    if day.month in (7, 8):
        share *= SUMMER
    if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 2):
        share *= YEAR_END
    return share


def sign_in_times(chance: Random, day: date, count: int, before: datetime) -> list[datetime]:
    """Random sign-in times of a day, by shifts, sorted; none after `before`."""
    hours = chance.choices([hour for hour, _ in SHIFTS], [weight for _, weight in SHIFTS], k=count)
    start = midnight(day)
    end = min(start + timedelta(days=1), before)
    length = int((end - start) / timedelta(microseconds=1))
    found = []
    for hour in hours:
        offset = int((hour * 60 + chance.gauss(0, SPREAD_MINUTES)) * 60_000_000) + chance.randrange(1_000_000)
        if not 0 <= offset < length:
            offset = chance.randrange(length)
        found.append(start + timedelta(microseconds=offset))
    return sorted(found)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _growth(progress: float) -> float:
    """The share of users that exist: a few at the beginning, then a rise that flattens."""
    steep, middle = 5.0, 0.45
    low, high = _logistic(-steep * middle), _logistic(steep * (1 - middle))
    return 0.04 + 0.96 * (_logistic(steep * (progress - middle)) - low) / (high - low)


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x))
