"""Days and moments as files write them.

Whether 02/03/2027 is in February or in March is read from the whole column, if that allows one reading only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils.dateparse import parse_datetime

from accounts.periods.validation import MAX_YEAR, MIN_YEAR, UNLIKELY_DAY, end_of_day, start_of_day

DAY_FIRST, MONTH_FIRST = "day_first", "month_first"
ORDERS = (DAY_FIRST, MONTH_FIRST)
YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d\d)(\d\d)", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4})\.?", re.ASCII)
#: Spreadsheets and pandas write it behind days.
MIDNIGHT = re.compile(r"[ T]0?0:00(?::00(?:\.0+)?)?")
SERIAL_NUMBER = re.compile(r"\d{4,6}(?:[.,]\d+)?", re.ASCII)
SHORT_YEAR = re.compile(r"\d{1,2}\s*[-/.]\s*\d{1,2}\s*[-/.]\s*\d\d", re.ASCII)
MAX_DAY, MAX_MONTH = 31, 12
WRITE_SO = "such as 2027-01-31"


class UnreadableDay(Exception):
    """With the sentence for people."""


@dataclass(frozen=True, slots=True)
class DayReader:
    """Reads the cells of one column."""

    #: Of ORDERS, or "" where no cell needs one.
    order: str
    #: A cell that has two readings while nothing says which; "" where there is none.
    ambiguous: str = ""

    @classmethod
    def of_column(cls, cells: Iterable[str], chosen: str = "") -> "DayReader":
        """`chosen` is the order that a person gave; it counts where the column itself allows both."""
        order = example = ""
        for cell in cells:
            match = YEAR_LAST.fullmatch(_without_midnight(cell.strip()))
            if match is None:
                continue
            possible = [order for order in ORDERS if _is_likely(match, order)]
            if len(possible) == 1:
                # If others contradict it, they are refused by line.
                order = order or possible[0]
            elif possible and int(match[1]) != int(match[3]):
                example = example or cell.strip()
        if order or not example:
            return cls(order)
        return cls(chosen) if chosen in ORDERS else cls("", example)

    def start(self, cell: str) -> datetime:
        """The first moment of a day. Raises UnreadableDay, as `end` does."""
        day = self._day(cell)
        return _moment(cell) if day is None else start_of_day(day)

    def end(self, cell: str) -> datetime:
        """The first moment after a day that is the last one."""
        day = self._day(cell)
        return _moment(cell) if day is None else end_of_day(day)

    def _day(self, cell: str) -> date | None:
        """None for what may be a moment."""
        text = _without_midnight(cell)
        if match := YEAR_FIRST.fullmatch(text):
            year, month, day = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
        elif match := YEAR_LAST.fullmatch(text):
            if self.order and not _is_likely(match, self.order) and any(_is_likely(match, other) for other in ORDERS):
                first = "day" if self.order == DAY_FIRST else "month"
                raise UnreadableDay(
                    f"“{cell}” can't be read with the {first} first, as others of this column are. "
                    f"Write all of them {WRITE_SO}."
                )
            day, month, year = match[1], match[3], match[4]
            if self.order == MONTH_FIRST:
                day, month = month, day
        else:
            return None
        if not MIN_YEAR <= int(year) <= MAX_YEAR:
            raise UnreadableDay(UNLIKELY_DAY)
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise UnreadableDay(f"There is no day “{cell}”. Correct it, {WRITE_SO}.") from None


def _moment(cell: str) -> datetime:
    try:
        moment = parse_datetime(cell)
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is not None:
        raise UnreadableDay(f"“{cell}” has no time zone. Write a day, {WRITE_SO}, or a time with Z.")
    if SHORT_YEAR.fullmatch(cell):
        raise UnreadableDay(f"Write the year of “{cell}” with four digits, {WRITE_SO}.")
    if SERIAL_NUMBER.fullmatch(cell):
        raise UnreadableDay(f"“{cell}” is a spreadsheet's number of a day. Format the column as a date, {WRITE_SO}.")
    raise UnreadableDay(f"“{cell}” is no day. Write it {WRITE_SO}.")


def _without_midnight(cell: str) -> str:
    match = MIDNIGHT.search(cell)
    return cell[: match.start()] if match and match.end() == len(cell) else cell


def _is_likely(match: re.Match[str], order: str) -> bool:
    """Whether the numbers are a day and a month in this order, though that month may be too short."""
    day, month = (match[1], match[3]) if order == DAY_FIRST else (match[3], match[1])
    return 0 < int(day) <= MAX_DAY and 0 < int(month) <= MAX_MONTH
