"""Changes of each account over time, computed from the user's number.

Events and accounts agree since both are made from this. Each change of a user is on a day of its own, on which they do
nothing else, so that on any other day the state of the users in an event is known.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from reprotech.demo.calendar import Day, is_quiet, midnight
from reprotech.demo.people import People, Person, mix

#: The day of a change that doesn't happen.
NEVER = 1 << 30
#: With fewer events for each user there is no room for changes.
MIN_EVENTS_PER_PERSON = 3
#: Users who joined in the last days don't change.
UNCHANGED_DAYS = 30
EMAIL_PERMILLE, MOVE_PERMILLE, LOCKOUT_PERMILLE, LONGEST_LOCKOUT_DAYS = 100, 50, 20, 5
OFFICE_OPENS, OFFICE_MICROSECONDS = timedelta(hours=8), 9 * 3600 * 1_000_000


class Change(IntEnum):
    """What an administrator changes of an account."""

    EMAIL = 0
    ROLE = 1
    LOCK = 2
    UNLOCK = 3
    LEAVE = 4


class Career(NamedTuple):
    """The days of a user's changes, as positions in the calendar, in the order of `Change`."""

    email: int = NEVER
    role: int = NEVER
    lock: int = NEVER
    unlock: int = NEVER
    leave: int = NEVER

    def is_at_work(self, day: int) -> bool:
        """Whether a user can sign in all day, and nothing of their account changes."""
        return day < self.leave and not self.lock <= day <= self.unlock and self.email != day != self.role

    def changes(self) -> list[tuple[Change, int]]:
        return [(change, day) for change, day in zip(Change, self, strict=True) if day != NEVER]


UNCHANGED = Career()


class Careers:
    """The careers of users who join as a calendar says."""

    def __init__(self, people: People, calendar: Sequence[Day], seed: int) -> None:
        self._people = people
        self._seed = mix(mix(seed))
        self._there = [day.people for day in calendar]
        self._mornings = [midnight(day.date) for day in calendar]
        #: The next working day of each day.
        self._workdays = list(range(len(calendar)))
        for day in reversed(range(len(calendar) - 2)):
            if is_quiet(calendar[day].date):
                self._workdays[day] = self._workdays[day + 1]
        events = sum(day.with_event + day.events for day in calendar)
        self._is_eventful = events >= MIN_EVENTS_PER_PERSON * people.count
        #: Earlier users have no event of their creation.
        self._first_with_event = people.count - sum(day.with_event for day in calendar)

    def career(self, number: int) -> Career:
        people = self._people
        if not self._is_eventful or number < people.administrators:
            return UNCHANGED
        person = people.chance(number)
        chance = mix(person)
        has_email = chance % 1000 < EMAIL_PERMILLE
        has_role = (chance >> 10) % 1000 < MOVE_PERMILLE or people.has_second_role(number, person)
        has_lockout = (chance >> 20) % 1000 < LOCKOUT_PERMILLE
        leaves, is_locked = people.leaves(number, person), people.is_locked(number, person)
        # Early for most users: this runs for each of millions of events.
        if not (has_email or has_role or has_lockout or leaves or is_locked):
            return UNCHANGED
        joined, last = bisect_right(self._there, number), len(self._there) - 1
        if last - joined < UNCHANGED_DAYS:
            return UNCHANGED
        days = mix(chance)
        email, role, lock, leave = (self._day(joined, days >> shift) for shift in (0, 12, 24, 36))
        unlock = self._workdays[min(lock + 1 + (days >> 48) % LONGEST_LOCKOUT_DAYS, last)]
        wanted = Career(
            email if has_email else NEVER,
            role if has_role else NEVER,
            lock if is_locked or has_lockout else NEVER,
            unlock if has_lockout and not is_locked else NEVER,
            leave if leaves else NEVER,
        )
        return _in_order(wanted, last)

    def _day(self, joined: int, chance: int) -> int:
        """A working day between the one on which they joined and the last."""
        return self._workdays[joined + 1 + chance % 4096 % (len(self._there) - joined - 2)]

    def moment(self, number: int, change: Change, day: int) -> datetime:
        chance = mix(self._seed ^ (number * len(Change) + change))
        return self._mornings[day] + OFFICE_OPENS + timedelta(microseconds=chance % OFFICE_MICROSECONDS)

    def is_active_at_first(self, number: int) -> bool:
        """Whether an account is created active: it isn't if no event can deactivate it later."""
        return self._is_eventful or not self._people.leaves(number, self._people.chance(number))

    def is_active(self, number: int, career: Career) -> bool:
        """Whether an account is active in the end."""
        return career.leave == NEVER if self._is_eventful else self.is_active_at_first(number)

    def is_locked(self, number: int, career: Career) -> bool:
        """Whether an account is locked in the end."""
        if self._is_eventful:
            return career.lock != NEVER and career.unlock == NEVER
        return number < self._first_with_event and self._people.is_locked(number, self._people.chance(number))

    def locked_at(self, number: int, career: Career) -> datetime | None:
        """When an account was locked that is locked in the end, if an event says so."""
        has_event = career.lock != NEVER and career.unlock == NEVER
        return self.moment(number, Change.LOCK, career.lock) if has_event else None

    def can_work(self, number: int, career: Career, day: int) -> bool:
        """Whether a user can sign in on a day, and nothing of their account changes on it."""
        if not career.is_at_work(day):
            return False
        return self._is_eventful or (self.is_active(number, career) and not self.is_locked(number, career))

    def unpacked(self, packed: int) -> tuple[int, Change]:
        number, change = divmod(packed, len(Change))
        return number, Change(change)

    def on_calendar(self, calendar: Sequence[Day]) -> list[Day]:
        """The days with their changes. Other events make room for these, and begin once there are users."""
        changes: list[array[int]] = [array("q") for _ in calendar]
        counts = [0] * len(calendar)
        for number in range(self._people.count if self._is_eventful else 0):
            career = self.career(number)
            for change, day in career.changes():
                changes[day].append(number * len(Change) + change)
                counts[day] += event_count(change, self._people[number]) if change == Change.ROLE else 1
        ordinary = _fit_events([day.events for day in calendar], counts)
        return [
            replace(day, changes=found, events=count + rest)
            for day, found, count, rest in zip(calendar, changes, counts, ordinary, strict=True)
        ]


def event_count(change: Change, person: Person) -> int:
    """The number of events of a change: one for each of an assigned and a revoked role."""
    return 2 if change == Change.ROLE and len(person.roles) == 1 else 1


def _in_order(career: Career, last: int) -> Career:
    """Drop changes that come too late, or on the day of another."""
    email, role, lock, unlock, leave = career
    if lock >= min(leave, last) or NEVER > unlock >= min(leave, last):
        lock = unlock = NEVER
    if role >= leave or role in {lock, unlock}:
        role = NEVER
    if email >= leave or email in {role, lock, unlock}:
        email = NEVER
    return Career(email, role, lock, unlock, leave)


def _fit_events(planned: Sequence[int], taken: Sequence[int]) -> list[int]:
    """The events left for each day after mandatory ones; other days make up for missing room, but never the first."""
    rest, owed = [], 0
    for position, (count, mandatory) in enumerate(zip(planned, taken, strict=True)):
        free = count - mandatory + owed
        rest.append(max(free, 0) if position else 0)
        owed = free - rest[-1]
    for position in reversed(range(len(rest))):
        given = min(rest[position], -owed) if owed < 0 else 0
        rest[position] -= given
        owed += given
    return rest
