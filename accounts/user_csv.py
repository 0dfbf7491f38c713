"""Reading users from a CSV file: its shape and nothing more, the services hold the rules."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from accounts.errors import Invalid
from accounts.exports import COLUMNS as EXPORTED
from accounts.exports import SEPARATOR
from accounts.models import User
from accounts.services.imports import NewUser
from reprotech.streaming import plain

MAXIMUM_BYTES = 5 * 1024 * 1024
MAXIMUM_ROWS = 10_000
REQUIRED = ("username", "email")
READ = (*REQUIRED, "first_name", "last_name", "roles", "is_active", "password")
#: Columns of an export that nothing is made of.
PASSED_OVER = tuple(column for column in EXPORTED if column not in READ)
YES, NO = {"true", "yes", "1", ""}, {"false", "no", "0"}


def read_users(file: bytes) -> list[NewUser]:
    """The rows of a file in UTF-8, separated by commas or semicolons.

    Raises Invalid, by `file` or by `line n`, for a file that can't be read as a whole.
    """
    text = _text_of(file)
    header_line = text.split("\n", 1)[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    lines = _lines_of(text, delimiter)
    header = _header_of(next(lines, (1, []))[1])
    rows: list[NewUser] = []
    for line, cells in lines:
        if len(rows) == MAXIMUM_ROWS:
            raise _unreadable(f"The file has more than {MAXIMUM_ROWS:,} rows. Split it into several.")
        rows.append(_row_of(line, header, cells))
    if not rows:
        raise _unreadable("There are no users in the file: it has a header alone.")
    return rows


def _text_of(file: bytes) -> str:
    if len(file) > MAXIMUM_BYTES:
        raise _unreadable(f"The file is larger than {MAXIMUM_BYTES // 1024**2} MB. Split it into several.")
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable("The file is not UTF-8 text. Save it as “CSV UTF-8”.") from None
    if "\0" in text:
        raise _unreadable("The file is not a text file.")
    if not text.strip():
        raise _unreadable("The file is empty.")
    return text


def _lines_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(the line that it begins on, cells) of every row that isn't blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid({f"line {line}": [f"The line can't be read: {error}."]}) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _header_of(cells: Iterable[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    known = {*READ, *PASSED_OVER}
    problems = [f"There is no column {name!r}. Use: {', '.join(READ)}." for name in header if name not in known]
    problems += [f"The column {name} is missing." for name in REQUIRED if name not in header]
    problems += [f"The column {name} is there twice." for name in known if header.count(name) > 1]
    if problems:
        raise Invalid({"line 1": problems})
    return header


def _row_of(line: int, header: list[str], cells: list[str]) -> NewUser:
    if len(cells) != len(header):
        sentence = f"The line has {len(cells)} cells, but the header has {len(header)}."
        return NewUser(line, {}, problems=(sentence,))
    typed = dict(zip(header, cells, strict=True))
    # A password is taken as it stands: blanks and apostrophes may belong to it.
    password = typed.pop("password", "") or None
    values = {name: plain(cell.strip()) for name, cell in typed.items()}
    fields: dict[str, Any] = {name: values.get(name, "") for name in (*REQUIRED, "first_name", "last_name")}
    is_active = values.get("is_active", "").lower()
    fields["is_active"] = is_active not in NO
    problems = []
    if is_active not in YES | NO:
        problems.append("is_active: Write true or false.")
    if values.get("status", "").lower() == User.STATUSES[-1]:
        problems.append("status: A locked account can't be imported. Set is_active to false and status to inactive.")
    roles = tuple(name for part in values.get("roles", "").split(SEPARATOR) if (name := part.strip()))
    return NewUser(line, fields, roles, password, tuple(problems))


def _unreadable(sentence: str) -> Invalid:
    return Invalid({"file": [sentence]})
