"""What people and programs say about a file: which column is what, how its days are read, what its roles mean."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from accounts.users.csv.columns import (
    COLUMN_BY_HEADING,
    ERRORS_COLUMN,
    IMPORT_COLUMNS,
    MAX_COLUMNS,
    MISSING_COLUMNS,
    STATUS_COLUMN,
    Columns,
    has_content,
    normalize_heading,
    truncate,
    unknown_columns,
)
from accounts.users.csv.days import ORDERS
from accounts.users.csv.table import Table, file_error
from reprotech.core.exceptions import ValidationFailed

#: What a column can be. An export's other columns and those of errors are passed over.
MAPPED_COLUMNS = (*IMPORT_COLUMNS, STATUS_COLUMN)
IGNORED = ""


@dataclass(frozen=True, slots=True)
class FileChoices:
    """Without any, a file is read by the headings that everybody's files have."""

    #: Our column by the file's heading, "" for one that is left out.
    columns: Mapping[str, str] = field(default_factory=dict)
    #: Of ORDERS, for days that can be read two ways.
    day_order: str = ""
    #: Names of roles by the word of the file; none for a word that means no role.
    role_words: Mapping[str, list[str]] = field(default_factory=dict)

    def refuse_unknown(self) -> None:
        """Raise ValidationFailed for what can be chosen for no file."""
        problems = [
            f"There is no column {truncate(name)!r}. Columns are {', '.join(MAPPED_COLUMNS)}, or “” to leave one out."
            for name in dict.fromkeys(self.columns.values())
            if name and name not in MAPPED_COLUMNS
        ]
        if self.day_order and self.day_order not in ORDERS:
            problems.append(f"The order of days is {' or '.join(ORDERS)}.")
        if problems:
            raise ValidationFailed({"mapping": problems})


def column_titles(table: Table) -> dict[int, str]:
    """The columns that hold something, by position: a heading that repeats gets a number, a missing one a name."""
    cells = table.header.cells
    width = max(index for index, cell in enumerate(cells, 1) if cell.strip())
    if width > MAX_COLUMNS:
        raise file_error(f"The line has more than {MAX_COLUMNS:,} columns. Remove those that aren't needed.", 1)
    with_text = {index for row in table.rows for index, cell in enumerate(row.cells) if cell.strip()}
    titles: dict[int, str] = {}
    seen: dict[str, int] = {}
    for index in range(width):
        if not has_content(table, index, with_text):
            continue
        title = cells[index].strip() or f"Column {index + 1}"
        key = normalize_heading(title)
        seen[key] = seen.get(key, 0) + 1
        titles[index] = title if seen[key] == 1 else f"{title} ({seen[key]})"
    return titles


def count_mapped(mapping: Mapping[str, str], cells: Iterable[str]) -> int:
    """How many cells of a header are columns, for who looks for the separator."""
    known = {normalize_heading(heading) for heading in mapping} | COLUMN_BY_HEADING.keys()
    return sum(normalize_heading(cell) in known for cell in islice(cells, MAX_COLUMNS))


def folded(mapping: Mapping[str, str]) -> dict[str, str]:
    """A mapping that finds a heading however it is spelled next time."""
    return {normalize_heading(heading): name for heading, name in mapping.items()}


def map_columns(table: Table, mapping: Mapping[str, str], *, ignore_unknown: bool) -> Columns:
    """The columns of a table by a mapping; those that it doesn't name are read by their headings.

    Without a column `username` one is proposed for each row. Raises ValidationFailed with all that is wrong.
    """
    titles, chosen = column_titles(table), folded(mapping)
    named: dict[str, list[int]] = {}
    unknown, ignored = [], []
    for index, title in titles.items():
        key = normalize_heading(title)
        name = chosen.get(key, COLUMN_BY_HEADING.get(key))
        if name is None:
            unknown.append(index)
        elif name:
            named.setdefault(name, []).append(index)
        if not name:
            ignored.append(title)
    known = {normalize_heading(title) for title in titles.values()}
    missing = [heading for heading in mapping if normalize_heading(heading) not in known]
    problems = [
        *(f"There is no column “{truncate(heading)}”." for heading in missing),
        *repeated_columns(named, titles),
        *(() if "email" in named else (MISSING_COLUMNS["email"],)),
        *(() if ignore_unknown else unknown_columns(table.header, unknown)),
    ]
    if problems:
        raise ValidationFailed({f"line {table.header.number}": problems})
    width = max(index for index, cell in enumerate(table.header.cells, 1) if cell.strip())
    return Columns({name: indexes[0] for name, indexes in named.items()}, width, ignored)


def repeated_columns(named: Mapping[str, Sequence[int]], titles: Mapping[int, str]) -> Iterator[str]:
    for name, indexes in named.items():
        if len(indexes) > 1 and name != ERRORS_COLUMN:
            headings = " and ".join(f"“{truncate(titles[index])}”" for index in indexes)
            yield f"{headings} can't both be {name}. Leave one of them out."
