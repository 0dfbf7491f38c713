"""A file of other headings than ours: its columns with samples, and its rows in the form of an import."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from accounts.onboarding.headings import COLUMN_LABELS, count_guessed, guess_mapping
from accounts.periods.grants import iso_time
from accounts.users.csv.choices import FileChoices, column_titles, count_mapped, map_columns
from accounts.users.csv.columns import find_columns
from accounts.users.csv.export import ROLE_SEPARATOR
from accounts.users.csv.import_users import ImportRow
from accounts.users.csv.parser import ParsedFile, column_cells, parse_rows, refuse_empty
from accounts.users.csv.role_words import RoleWords
from accounts.users.csv.table import Table, read_table
from accounts.users.csv.usernames import lacks_username
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.streaming import BYTE_ORDER_MARK, csv_lines

MAX_SAMPLES = 3
#: The header of what an import reads.
HEADER = ("username", "email", "first_name", "last_name", "roles", "is_active", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a file, with its first values and what it is taken for: "" if it is left out."""

    index: int
    title: str
    samples: list[str]
    chosen: str


def read_file(text: str) -> Table:
    """Raises ValidationFailed for what is no table of people."""
    table = read_table(text.lstrip(BYTE_ORDER_MARK), count_guessed)
    refuse_empty(table)
    return table


def is_ours(table: Table, *, ignore_unknown: bool) -> bool:
    """Whether every heading is one that an import knows without asking."""
    try:
        find_columns(table, ignore_unknown=ignore_unknown)
    except ValidationFailed:
        return False
    return True


def guessed_choices(table: Table) -> FileChoices:
    guessed = guess_mapping(column_titles(table).values())
    return FileChoices({title: "" if name == "password" else name for title, name in guessed.items()})


def described_columns(table: Table, choices: FileChoices) -> list[FileColumn]:
    return [
        FileColumn(index, title, _samples(table, index), choices.columns.get(title, ""))
        for index, title in column_titles(table).items()
    ]


def _samples(table: Table, index: int) -> list[str]:
    found: dict[str, None] = {}
    for cell in column_cells(table, index):
        if cell:
            found[cell[:60]] = None
        if len(found) == MAX_SAMPLES:
            break
    return list(found)


def chosen_labels() -> list[tuple[str, str]]:
    """What a column can be, with the words of the page. Passwords aren't taken over from other programs' files."""
    return [("", "Leave it out"), *((name, label) for name, label in COLUMN_LABELS.items() if name != "password")]


def role_words_of(table: Table, choices: FileChoices) -> list[str]:
    """The different words of the column of roles that are no role's name, in their order in the alphabet."""
    index = next(
        (index for index, title in column_titles(table).items() if choices.columns.get(title) == "roles"), None
    )
    if index is None:
        return []
    reader = RoleWords({})
    words: dict[str, str] = {}
    for cell in column_cells(table, index):
        for word in reader.words(cell, []) if cell else ():
            words.setdefault(word.casefold(), word)
    return sorted((word for word in words.values() if not reader.is_role(word)), key=str.casefold)


def read_people(text: str, choices: FileChoices) -> ParsedFile:
    """The people of a file by these choices. Raises ValidationFailed."""
    text = text.lstrip(BYTE_ORDER_MARK)
    table = read_table(text, partial(count_mapped, choices.columns))
    refuse_empty(table)
    columns = map_columns(table, choices.columns, ignore_unknown=False)
    return parse_rows(text, table, columns, choices)


def problems_of(rows: Iterable[ImportRow]) -> dict[str, list[str]]:
    """What is wrong with rows themselves, by line."""
    return {f"line {row.line}": list(row.problems) for row in rows if row.problems}


def as_import(rows: Iterable[ImportRow]) -> str:
    """The rows as an import reads them: what the page shows and sends back, so that nothing else is created."""
    return "".join(csv_lines([HEADER, *map(_cells, rows)], with_bom=False))


def _cells(row: ImportRow) -> list[str]:
    fields = row.fields
    return [
        *(str(fields.get(name) or "") for name in HEADER[:4]),
        ROLE_SEPARATOR.join(row.roles),
        "true" if fields.get("is_active") else "false",
        iso_time(fields.get("starts_at")) or "",
        iso_time(fields.get("ends_at")) or "",
    ]


def with_usernames(rows: Sequence[ImportRow], given: Mapping[int, str]) -> list[ImportRow]:
    """The rows with the usernames that a person typed, by line."""
    return [
        replace(row, fields={**row.fields, "username": given[row.line]}) if row.fields and row.line in given else row
        for row in rows
    ]


def has_no_usernames(rows: Iterable[ImportRow]) -> bool:
    return any(lacks_username(row) for row in rows)
