"""Users from and to CSV: the shape of the file; the services hold the rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils import timezone

from accounts.models import User
from accounts.users.csv.choices import FileChoices, count_mapped, map_columns
from accounts.users.csv.columns import (
    ERRORS_COLUMN,
    PERIOD_COLUMNS,
    REQUIRED_COLUMNS,
    Columns,
    count_recognized,
    find_columns,
    truncate,
)
from accounts.users.csv.days import WRITE_SO, DayReader, UnreadableDay
from accounts.users.csv.import_users import ImportRow
from accounts.users.csv.role_words import RoleWords
from accounts.users.csv.table import SAVE_AS_CSV, SEPARATORS, Table, TableRow, decode, file_error, read_table
from reprotech.web.streaming import BYTE_ORDER_MARK, unescape_formula

#: As spreadsheets of several languages write what they compute.
TRUE_WORDS, FALSE_WORDS = (
    frozenset(words.split())
    for words in (
        "true yes 1 1.0 wahr ja vrai oui verdadero sí si vero sì verdadeiro sim waar sant sand sann",
        "false no 0 0.0 falsch nein faux non falso não onwaar nee falskt falsk usann",
    )
)
#: What programs write for an empty cell; nobody is called that.
EMPTY_WORDS = frozenset({"NaN", "nan", "<NA>", "NaT", "None", "NULL", "null", "N/A", "n/a"})
#: A spreadsheet's errors in any language: #N/A, #REF!, #BEZUG!, Err:502.
CELL_ERROR = re.compile(r"#[A-ZÄÖÜÉ/0]{2,}[!?]?|#{2,}|Err:\d+")
#: ="007", which keeps spreadsheets from reading text as a number.
TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
LOCKED_PROBLEM = "status: A locked account can't be imported. Set is_active to false and status to inactive."
SHORTENED_NUMBER = re.compile(r"\d(?:[.,]\d+)?E[+-]?\d+")


@dataclass(frozen=True, slots=True)
class ParsedFile:
    users: list[ImportRow]
    text: str
    ignored_columns: list[str]
    table: Table
    columns: Columns

    @property
    def mapping(self) -> dict[str, str]:
        """The headings of the file, with the columns that they stand for."""
        cells = self.table.header.cells
        return {truncate(cells[index].strip()): name for name, index in self.columns.positions.items()}


def parse_users(
    file: bytes | str, *, ignore_unknown_columns: bool = False, choices: FileChoices | None = None
) -> ParsedFile:
    """Parse a file or its text. Raises ValidationFailed, by `file` or by `line n`, if it can't be read as a whole.

    `choices` say what its columns are. Without a username in a row, `fill_usernames` gives one.
    """
    # Programs that concatenate files leave further byte order marks.
    text = (decode(file) if isinstance(file, bytes) else file).lstrip(BYTE_ORDER_MARK)
    if choices is not None and choices.columns:
        choices.refuse_unknown()
        table = read_table(text, partial(count_mapped, choices.columns))
        refuse_empty(table)
        columns = map_columns(table, choices.columns, ignore_unknown=ignore_unknown_columns)
    else:
        table = read_table(text, count_recognized)
        columns = find_columns(table, ignore_unknown=ignore_unknown_columns)
        refuse_empty(table)
    return parse_rows(text, table, columns, choices or FileChoices())


def parse_rows(text: str, table: Table, columns: Columns, choices: FileChoices) -> ParsedFile:
    """The rows of a table whose columns are known. Raises ValidationFailed for days that can be read two ways."""
    reader = _RowReader(table, columns, choices)
    return ParsedFile([reader.user(row) for row in table.rows], text, columns.ignored, table, columns)


def refuse_empty(table: Table) -> None:
    if not table.rows:
        raise file_error("There are no users in the file: it has a header alone.")


class _RowReader:
    def __init__(self, table: Table, columns: Columns, choices: FileChoices) -> None:
        self._table = table
        self._columns = columns
        self._words = RoleWords(choices.role_words) if "roles" in columns.positions else None
        self._days = {
            name: _day_reader(table, columns.positions[name], name, choices.day_order)
            for name in PERIOD_COLUMNS
            if name in columns.positions
        }

    def user(self, row: TableRow) -> ImportRow:
        if sentence := self._misshapen(row):
            return ImportRow(row.number, {}, problems=(sentence,))
        cells = self._columns.named(row.cells)
        # Never stripped or cleaned: blanks and apostrophes may belong to a password.
        password = cells.pop("password", "") or None
        cells.pop(ERRORS_COLUMN, None)
        problems: list[str] = []
        values = {name: _clean_cell(name, cell, problems) for name, cell in cells.items()}
        fields: dict[str, object] = {
            name: values.get(name, "") for name in (*REQUIRED_COLUMNS, "first_name", "last_name")
        }
        if SHORTENED_NUMBER.fullmatch(values.get("username", "")):
            problems.append(
                f"username: “{values['username']}” is a number that a spreadsheet shortened. Format the column as text."
            )
        if password and ("\n" in password or "\r" in password):
            problems.append("password: A password has no line break.")
        fields["is_active"] = _is_active(values, problems)
        period = {name: self._moment(name, values[name], problems) for name in self._days}
        problems.extend(_status_against_period(values.get("status", "").casefold(), period))
        fields |= period
        roles = self._words.roles(values.get("roles", ""), problems) if self._words else ()
        has_ended = values.get("status", "").casefold() == "ended"
        given = {name for name, value in values.items() if value}
        given |= {"is_active"} if values.get("status", "").casefold() in {"active", "inactive"} else set()
        return ImportRow(
            row.number, fields, roles, password, tuple(problems), has_ended=has_ended, given=frozenset(given)
        )

    def _misshapen(self, row: TableRow) -> str:
        width, count = self._columns.width, len(row.cells)
        if any(cell.strip() for cell in row.cells[width:]):
            marks = SEPARATORS[self._table.separator]
            return (
                f"The line has {count} cells, but the header has {width}. "
                f"Put a cell that has {marks} in it between quotation marks."
            )
        if count < width and self._table.is_open and row is self._table.rows[-1]:
            return f"The file ends within this line: it has {count} of {width} cells. Save or send the file again."
        return ""

    def _moment(self, name: str, cell: str, problems: list[str]) -> datetime | None:
        if not cell or any(problem.startswith(f"{name}:") for problem in problems):
            return None
        reader = self._days[name]
        try:
            return reader.start(cell) if name == "starts_at" else reader.end(cell)
        except UnreadableDay as refusal:
            problems.append(f"{name}: {refusal}")
            return None


def _clean_cell(name: str, cell: str, problems: list[str]) -> str:
    text = cell.strip()
    if match := TEXT_FORMULA.fullmatch(text):
        return match[1].replace('""', '"').strip()
    if text.startswith('"') and cell[0] != '"':
        problems.append(f"{name}: Remove the blank before the quotation mark.")
    elif text.startswith("="):
        problems.append(f"{name}: This is a formula. Save the file with what the formula gives.")
    elif CELL_ERROR.fullmatch(text):
        problems.append(f"{name}: “{truncate(text)}” is an error of the spreadsheet. Correct the cell.")
    elif text in EMPTY_WORDS:
        problems.append(f"{name}: “{text}” is what programs write for an empty cell. Leave the cell empty.")
    elif name in {"first_name", "last_name"} and (damage := _encoding_damage(text)):
        problems.append(f"{name}: {damage} {SAVE_AS_CSV}")
    return unescape_formula(text)


def _encoding_damage(text: str) -> str:
    """What a wrong encoding did to a name before it was uploaded, or ""."""
    if "?" in text or "\N{REPLACEMENT CHARACTER}" in text:
        return f"“{truncate(text)}” lost a letter when it was saved."
    try:
        decoded = text.encode("cp1252").decode()
    except UnicodeError:
        return ""
    return "" if decoded == text else f"“{truncate(text)}” seems to be “{truncate(decoded)}” in a wrong encoding."


def _is_active(values: Mapping[str, str], problems: list[str]) -> bool:
    """What the columns `is_active` and `status` say together; active if both are empty."""
    typed, status = values.get("is_active", "").casefold(), values.get("status", "").casefold()
    if typed and typed not in TRUE_WORDS | FALSE_WORDS:
        problems.append("is_active: Write true or false.")
    if status == "locked":
        problems.append(LOCKED_PROBLEM)
    elif status and status not in User.STATUSES:
        problems.append("status: Write active or inactive.")
    elif status and typed and (status == "inactive") != (typed in FALSE_WORDS):
        problems.append(f"status: It says {status}, but is_active says {typed}. Correct one of them.")
    return typed not in FALSE_WORDS if typed else status != "inactive"


def _status_against_period(status: str, period: Mapping[str, datetime | None]) -> Iterator[str]:
    """What an exported status says that the period doesn't. Passed over, the account would be open for good."""
    now, ends_at = timezone.now(), period.get("ends_at")
    if status == "pending" and period.get("starts_at") is None:
        yield "status: It says pending, but starts_at is empty. Give the start, or write active."
    if status == "ended" and (ends_at is None or ends_at > now):
        yield "status: It says ended, but ends_at is no time that is over. Correct one of them."


def column_cells(table: Table, index: int) -> Iterator[str]:
    """The text of a column, without what protects it from spreadsheets."""
    return (unescape_formula(row.cells[index].strip()) for row in table.rows if index < len(row.cells))


def _day_reader(table: Table, index: int, name: str, chosen: str) -> DayReader:
    reader = DayReader.of_column(column_cells(table, index), chosen)
    if reader.ambiguous:
        raise file_error(
            f"{name}: “{truncate(reader.ambiguous)}” and the others can be read with the day first and with the month "
            f"first. Write them {WRITE_SO}.",
            table.header.number,
        )
    return reader
