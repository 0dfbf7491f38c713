"""Exports as CSV and JSON Lines, in constant memory: sent while the rows are read."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse

#: How a spreadsheet recognises a formula, also in full-width characters. Apostrophes before it count too, so that
#: `unescape_formula` is the exact inverse of `escape_formula`.
FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
BYTE_ORDER_MARK = "\ufeff"
#: One write for each row would cost more than the row.
ROWS_PER_CHUNK = 200


def escape_formula(cell: object) -> object:
    """Prefix with an apostrophe what a spreadsheet would take for a formula (CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`, for imports of exported files."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def stream_csv(
    filename: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, with_bom: bool
) -> StreamingHttpResponse:
    return _stream(filename, "text/csv", csv_lines(chain([header], rows), with_bom=with_bom))


def stream_jsonl(filename: str, rows: Iterable[object]) -> StreamingHttpResponse:
    encoder = DjangoJSONEncoder(ensure_ascii=False, separators=(",", ":"))
    return stream_json_lines(filename, (f"{encoder.encode(row)}\n" for row in rows))


def stream_json_lines(filename: str, lines: Iterable[str]) -> StreamingHttpResponse:
    """As `stream_jsonl`, of lines that are JSON already."""
    return _stream(filename, "application/x-ndjson", lines)


def csv_lines(rows: Iterable[Sequence[object]], *, with_bom: bool) -> Iterator[str]:
    # Excel needs a byte order mark to read UTF-8. Programs would take it for a part of the first column's name, so only
    # files for people have one by default.
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
    while batch := list(islice(lines, ROWS_PER_CHUNK)):
        yield "".join(batch).encode()
