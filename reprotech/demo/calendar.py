"""The days of the history: a laboratory that grows, and works less on weekends and holidays."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from math import ceil
from random import Random
from typing import NamedTuple

MAX_DAYS = 3 * 365
#: A short history has fewer days, so that people do several things on each.
MIN_EVENTS_PER_DAY = 20
#: The share of users who are there from the first day.
FOUNDERS = 0.04
SATURDAY = 5
#: Activity on days off, and in the weeks when many are away.
WEEKEND, HOLIDAY, SUMMER, YEAR_END = 0.15, 0.1, 0.75, 0.4
#: Month and day of holidays that many countries share.
HOLIDAYS = {(1, 1), (1, 6), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)}
#: Start of a shift in hours (UTC), and its percentage of sign-ins.
SHIFTS = {6: 17, 8: 30, 9: 20, 13: 13, 14: 14, 22: 6}
SPREAD_MINUTES = 25


class Day(NamedTuple):
    date: date
    #: Users who join, and the number of other events.
    new: int
    events: int


def days(people: int, events: int, until: datetime) -> list[Day]:
    """The days that end with `until`. Their new users add up to `people`, their events to `events`."""
    length = min(MAX_DAYS, (people + events) // MIN_EVENTS_PER_DAY)
    dates = [until.date() - timedelta(days=back) for back in range(length, -1, -1)]
    today = (until - midnight(until.date())) / timedelta(days=1)
    shares = [activity_level(day) for day in dates[:-1]] + [activity_level(dates[-1]) * today]
    new = proportional_parts([FOUNDERS * MAX_DAYS, *(1 if share >= YEAR_END else 0.02 for share in shares[1:])], people)
    weights = [share * there for share, there in zip(shares, accumulate(new), strict=True)]
    return [Day(*fields) for fields in zip(dates, new, proportional_parts(weights, events), strict=True)]


def proportional_parts(weights: Sequence[float], total: int) -> list[int]:
    """`total` in whole parts proportional to the weights; the first isn't 0."""
    if not total:
        return [0] * len(weights)
    sums = list(accumulate(weights))
    ends = [ceil(total * (before / sums[-1])) for before in sums]
    return [end - start for start, end in pairwise([0, *ends])]


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
    """Random times of a day, by shifts, sorted; none after `before`."""
    start = midnight(day)
    length = int(min((before - start) / timedelta(microseconds=1), 86_400_000_000))
    found = []
    for hour in chance.choices([*SHIFTS], [*SHIFTS.values()], k=count):
        offset = int((hour * 60 + chance.gauss(0, SPREAD_MINUTES)) * 60_000_000) + chance.randrange(1_000_000)
        found.append(offset if 0 <= offset < length else chance.randrange(length + 1))
    return [start + timedelta(microseconds=offset) for offset in sorted(found)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
