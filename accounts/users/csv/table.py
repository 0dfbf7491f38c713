"""CSV as spreadsheets and scripts write it: encoding, separator and rows.

Nothing is guessed: a file that could be read in two ways is refused with a sentence that says what to do.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from reprotech.core.exceptions import ValidationFailed

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000
#: With the words for error messages.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
SAVE_AS_CSV = "In the spreadsheet program, save it as “CSV UTF-8”."
CHOOSE_CSV = "Choose a file with the people as text, such as a spreadsheet saved as “CSV UTF-8”."
BINARY_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", SAVE_AS_CSV),
    (b"%PDF", "a PDF file", CHOOSE_CSV),
    (b"\x1f\x8b", "a compressed file", "Unpack it first."),
    (b"{\\rtf", "a text document", SAVE_AS_CSV),
    (b"\x89PNG", "an image", CHOOSE_CSV),
    (b"\xff\xd8\xff", "an image", CHOOSE_CSV),  # JPEG
    (b"GIF8", "an image", CHOOSE_CSV),
    (b"II*\0", "an image", CHOOSE_CSV),  # TIFF
    (b"MM\0*", "an image", CHOOSE_CSV),
)
#: After the size in the first bytes: WebP, HEIC and AVIF.
LATER_SIGNATURES = ((8, b"WEBP"), (4, b"ftyphei"), (4, b"ftypavif"), (4, b"ftypmif1"))
ARCHIVE = b"PK\x03\x04"
#: What an archive holds that a spreadsheet program saved.
WORKBOOKS = ((b"xl/", "an Excel workbook"), (b"opendocument.spreadsheet", "an OpenDocument spreadsheet"))
#: Excel's declaration of the separator.
SEPARATOR_LINE = re.compile(r'[ \t]*"?sep=(\\t|[^\r\n])"?[ ,;\t]*(?:\r\n?|\n|\Z)', re.IGNORECASE)
#: PowerShell's declaration of the rows' type.
TYPE_LINE = re.compile(r'"?#TYPE [^\r\n]*(?:\r\n?|\n|\Z)')
#: What other encodings look like when they are taken for Windows-1252, by which nobody's name is written: signs within
#: or before words, three accented letters in a row, Ÿ, control characters.
UNLIKELY_WESTERN = re.compile(
    r"(?<=[^\W\d_])[\xa1-\xb6\xb8-\xbf\xd7\xf7\u0192\u02c6\u02dc\u201a\u201c-\u2022\u2030\u2039\u203a\u20ac\u2122](?=[^\W\d_])"
    r"|[\xa3\xa5\xa6\xa8-\xaa\xac\xaf-\xb3\xb8-\xba\xbc-\xbe](?=[^\W\d_])"
    r"|[\xc0-\xff\u0152\u0153\u0160\u0161\u017d\u017e]{3}|\u0178|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class TableRow:
    #: Of the line that the row begins on.
    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    header: TableRow
    rows: list[TableRow]
    separator: str
    #: Whether the last line has no end, as in a file that was cut off.
    is_open: bool


def file_error(sentence: str, line: int | None = None) -> ValidationFailed:
    return ValidationFailed({"file" if line is None else f"line {line}": [sentence]})


def decode(content: bytes, *, is_shown: bool = False) -> str:
    """Decode UTF-8, or UTF-16 with its byte order mark; raises ValidationFailed.

    Where a person sees the names before anything is done with them, also Windows-1252, as Excel writes it in Western
    Europe: it can't be distinguished from other encodings with certainty.
    """
    if len(content) > MAX_BYTES:
        raise _too_large()
    if found := _binary_kind(content):
        kind, advice = found
        raise file_error(f"This is {kind}, not a CSV file. {advice}")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if is_shown and encoding == "utf-8-sig" and (western := _decode_western(content)):
            return western
        before = content[: error.start].decode(encoding, "replace")
        line = len(LINE_END.findall(before)) + 1
        raise file_error(f"The line has characters in another encoding than UTF-8. {SAVE_AS_CSV}", line) from None
    # UTF-16 can grow by half as UTF-8, the form in which the confirmation sends it back.
    if len(text.encode()) > MAX_BYTES:
        raise _too_large()
    return text


def _decode_western(content: bytes) -> str:
    """The text of Windows-1252, or "" where what it gives isn't what people write."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    is_plausible = not UNLIKELY_WESTERN.search(text) and len(text.encode()) <= MAX_BYTES
    return text if is_plausible else ""


def _binary_kind(content: bytes) -> tuple[str, str] | None:
    """What a file is that isn't text, and what to do."""
    if content.startswith(ARCHIVE):
        # Names stand uncompressed in it. Numbers and others have none that says enough.
        kinds = (kind for name, kind in WORKBOOKS if name in content)
        return next(kinds, "a workbook or an archive"), SAVE_AS_CSV
    if any(content.startswith(signature, offset) for offset, signature in LATER_SIGNATURES):
        return "an image", CHOOSE_CSV
    return next(
        ((kind, advice) for signature, kind, advice in BINARY_SIGNATURES if content.startswith(signature)), None
    )


def read_table(text: str, count_recognized: Callable[[list[str]], int]) -> Table:
    """Parse a text; `count_recognized` counts the cells of a header that name columns. Raises ValidationFailed."""
    if "\0" in text:
        raise file_error(f"This is not a text file. {SAVE_AS_CSV}")
    if not text.strip():
        raise file_error("The file is empty.")
    # Such as a sign-in page that was saved in place of an export.
    if text.lstrip()[:1] == "<":
        raise file_error(f"This is a web page, not a CSV file. {SAVE_AS_CSV}")
    start, declared = _parse_preamble(text)
    if not text[start:].strip():
        raise file_error("The file is empty.")
    separator = _detect_separator(text, start, count_recognized, declared)
    lines = _read_rows(text, start, separator)
    header = next(lines, None)
    if header is None:
        raise file_error("The file is empty.")
    rows: list[TableRow] = []
    for line in lines:
        # While it reads: a file of the allowed size may have millions of short lines.
        if len(rows) == MAX_ROWS:
            raise file_error(f"The file has more than {MAX_ROWS:,} rows. Split it into several.")
        rows.append(line)
    return Table(header, rows, separator, is_open=not text.endswith(("\n", "\r")))


def _too_large() -> ValidationFailed:
    return file_error(f"The file is larger than {MAX_BYTES // 1024**2} MB. Split it into several.")


def _parse_preamble(text: str) -> tuple[int, str | None]:
    """Where the table begins, and the separator that the file declares."""
    if match := TYPE_LINE.match(text):
        return match.end(), None
    if match := SEPARATOR_LINE.match(text):
        named = "\t" if match[1] == "\\t" else match[1]
        if named not in SEPARATORS:
            raise file_error(f"The cells are separated by “{named}”. Use commas, semicolons or tabs.", 1)
        return match.end(), named
    return 0, None


def _detect_separator(text: str, start: int, count_recognized: Callable[[list[str]], int], declared: str | None) -> str:
    """The one separator with which the header names columns."""
    readings: dict[tuple[str, ...], str] = {}
    refusals = []
    for separator in SEPARATORS:
        try:
            for line in islice(_read_rows(text, start, separator), 1):
                readings.setdefault(tuple(line.cells), separator)
        except ValidationFailed as refusal:
            first_line = LINE_END.split(text[start:].lstrip(), maxsplit=1)[0]
            if count_recognized(first_line.split(separator)):
                refusals.append(refusal)
    found = [separator for cells, separator in readings.items() if count_recognized(list(cells))]
    if declared and found and declared not in found:
        said, meant = SEPARATORS[declared], SEPARATORS[found[0]]
        raise file_error(f"The line says that {said} separate the cells, but {meant} do. Correct or remove it.", 1)
    if declared:
        return declared
    if len(found) > 1:
        names = " and by ".join(SEPARATORS[separator] for separator in found)
        line = next(_read_rows(text, start, found[0]))
        raise file_error(f"The columns are separated by {names}. Use one of them in the whole file.", line.number)
    if not found and refusals:
        raise refusals[0]
    # Without any column the header is refused in any case; with most cells the message says most.
    return found[0] if found else readings[max(readings, key=len)] if readings else ","


def _read_rows(text: str, start: int, separator: str) -> Iterator[TableRow]:
    # Blank rows are skipped.
    skipped = len(LINE_END.findall(text, 0, start))
    file = io.StringIO(text, newline="")
    file.seek(start)
    # Some programs write a blank before each quoted cell.
    header = LINE_END.split(text[start:].lstrip(), maxsplit=1)[0]
    has_blanks = f'{separator} "' in header
    reader = csv.reader(file, delimiter=separator, strict=True, skipinitialspace=has_blanks)
    while True:
        number = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise file_error(_csv_error_message(str(error)), number) from None
        if any(cell.strip() for cell in cells):
            yield TableRow(number, cells)


def _csv_error_message(error: str) -> str:
    if error.startswith("unexpected end of data"):
        return "A cell begins with a quotation mark here that no other one closes."
    if "expected after" in error:
        return "A quotation mark stands alone within a quoted cell. Write it twice, or leave it out."
    if error.startswith("field larger"):
        return f"A cell is longer than {csv.field_size_limit():,} characters."
    return f"The line can't be read: {error}."
