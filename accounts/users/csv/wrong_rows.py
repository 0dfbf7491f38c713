"""The rows of a file that an import refuses: what stands in them, and a file to correct them in."""

from collections.abc import Iterator, Mapping, Sequence

from django.http import StreamingHttpResponse

from accounts.users.csv.columns import ERRORS_COLUMN, IMPORT_COLUMNS, truncate
from accounts.users.csv.parser import TEXT_FORMULA, ParsedFile
from reprotech.web.streaming import stream_csv, unescape_formula

LEFT_OUT_HINT = "password: It is left out here. Fill it in again, or the person gets an invitation."


def line_of(place: str) -> int | None:
    """The line that an error is about; None for the whole file."""
    name, _, number = place.partition(" ")
    return int(number) if name == "line" else None


def has_wrong_rows(file: ParsedFile | None, errors: Mapping[str, Sequence[str]]) -> bool:
    return file is not None and any(line_of(place) is not None for place in errors)


def values_by_line(file: ParsedFile) -> dict[int, list[tuple[str, str]]]:
    """What stands in the cells of each row, shortened; passwords are shown to nobody."""
    shown = [name for name in IMPORT_COLUMNS if name in file.columns.positions and name != "password"]
    named = {row.number: file.columns.named(row.cells) for row in file.table.rows}
    return {
        line: [(name, truncate(cells[name].strip())) for name in shown if cells[name].strip()]
        for line, cells in named.items()
    }


def wrong_rows_response(file: ParsedFile, errors: Mapping[str, Sequence[str]]) -> StreamingHttpResponse:
    """The refused rows as they were sent, with what is wrong in a column that an import ignores."""
    kept = [index for index in range(file.columns.width) if index != file.columns.positions.get(ERRORS_COLUMN)]
    cells = file.table.header.cells
    header = [cells[index] for index in kept]
    return stream_csv("users-to-correct.csv", [*header, ERRORS_COLUMN], _wrong_rows(file, errors, kept), with_bom=True)


def _wrong_rows(file: ParsedFile, errors: Mapping[str, Sequence[str]], kept: Sequence[int]) -> Iterator[list[str]]:
    sentences = {line_of(place): list(said) for place, said in errors.items()}
    secret = file.columns.positions.get("password")
    for row in file.table.rows:
        if row.number not in sentences:
            continue
        said = sentences[row.number]
        cells = [row.cells[index] if index < len(row.cells) else "" for index in kept]
        if secret is not None and cells[kept.index(secret)]:
            cells[kept.index(secret)] = ""
            said = [*said, LEFT_OUT_HINT]
        yield [*map(_plain, cells), "\n".join(said)]


def _plain(cell: str) -> str:
    """The text of a cell, which the stream makes safe again for spreadsheets."""
    match = TEXT_FORMULA.fullmatch(cell.strip())
    return match[1].replace('""', '"') if match else unescape_formula(cell)
