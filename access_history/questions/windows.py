"""The time that a question is about, and what was so in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Protocol

from accounts.periods.validation import end_of_day, start_of_day

#: The smallest step of our times: all of them have microseconds, on both databases.
STEP = timedelta(microseconds=1)
#: What an account could be at a moment, the most open first.
STATUSES = ("active", "locked", "inactive", "pending", "ended")


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin` until before `end`: a moment, which is one microsecond long, or a day of the laboratory."""

    begin: datetime
    end: datetime
    day: date | None = None

    @classmethod
    def at(cls, moment: datetime) -> "Window":
        return cls(moment, moment + STEP)

    @classmethod
    def on(cls, day: date, now: datetime) -> "Window":
        """A day, as far as it is over."""
        return cls(start_of_day(day), min(end_of_day(day), now.astimezone(UTC) + STEP), day)

    @property
    def last(self) -> datetime:
        return self.end - STEP

    def meets(self, period: "Period") -> bool:
        """Whether a period overlaps it; what ended as it began never was."""
        begin, end = period.from_at, period.to_at
        return begin < self.end and (end is None or (end > self.begin and end > begin))


class Period(Protocol):
    """A row of the history: from `from_at` until before `to_at`."""

    @property
    def from_at(self) -> datetime: ...

    @property
    def to_at(self) -> datetime | None: ...


def covers(period: Period, moment: datetime) -> bool:
    return period.from_at <= moment and (period.to_at is None or moment < period.to_at)


def overlap(one: Period, other: Period) -> bool:
    return (one.to_at is None or other.from_at < one.to_at) and (other.to_at is None or one.from_at < other.to_at)


def cuts(window: Window, moments: Iterable[datetime | None]) -> list[tuple[datetime, datetime]]:
    """The window cut at these moments, as far as they are in it."""
    inner = sorted({moment for moment in moments if moment is not None and window.begin < moment < window.end})
    edges = [window.begin, *inner, window.end]
    return list(pairwise(edges))


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
