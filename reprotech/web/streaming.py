"""Exports: CSV and JSON Lines, sent row by row while the rows are read."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse

#: How a spreadsheet recognises a formula, also in full-width characters. Apostrophes before it count too, so that
#: `plain` undoes `neutral` exactly.
FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
BYTE_ORDER_MARK = "\ufeff"
#: So many rows are sent together: one write for each row would cost more than the rows.
ROWS_PER_CHUNK = 200


def escape_formula(cell: Any) -> Any:
    """The cell as text that no spreadsheet takes for a formula: with an apostrophe before it where needed."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """What `neutral` made this cell from: for imports of what was exported."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def stream_csv(
    filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]], *, with_bom: bool
) -> StreamingHttpResponse:
    """Answer with a CSV file of `rows`, each a sequence of cells, in constant memory; cells are neutralised."""
    return _stream(filename, "text/csv", csv_lines(chain([header], rows), with_bom=with_bom))


def stream_jsonl(filename: str, rows: Iterable[Any]) -> StreamingHttpResponse:
    """Answer with a file of one JSON value to a line, in constant memory."""
    encoder = DjangoJSONEncoder(ensure_ascii=False, separators=(",", ":"))
    return stream_json_lines(filename, (f"{encoder.encode(row)}\n" for row in rows))


def stream_json_lines(filename: str, lines: Iterable[str]) -> StreamingHttpResponse:
    """Answer with a file of lines that are JSON already, in constant memory."""
    return _stream(filename, "application/x-ndjson", lines)


def csv_lines(rows: Iterable[Sequence[Any]], *, with_bom: bool) -> Iterator[str]:
    """Rows as lines of CSV; cells are neutralised.

    With a byte order mark Excel reads the file as UTF-8 on a double click. Files for people have it. Programs would
    take it for a part of the first column's name, so they ask for it.
    """
    buffer = io.StringIO()
    if with_bom:
        buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _stream(filename: str, content_type: str, lines: Iterable[str]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_chunks(iter(lines)), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _chunks(lines: Iterator[str]) -> Iterator[bytes]:
    while some := list(islice(lines, ROWS_PER_CHUNK)):
        yield "".join(some).encode()
