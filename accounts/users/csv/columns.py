"""The columns of a file, however people and programs spell their headings."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from accounts.users.csv.export import EXPORT_COLUMNS as EXPORTED
from accounts.users.csv.table import Table, TableRow, file_error
from reprotech.core.exceptions import ValidationFailed

REQUIRED_COLUMNS = ("username", "email")
#: When the account begins and ends.
PERIOD_COLUMNS = ("starts_at", "ends_at")
IMPORT_COLUMNS = (
    *REQUIRED_COLUMNS,
    *("first_name", "last_name", "roles", "is_active", "password"),
    *PERIOD_COLUMNS,
)
#: `is_active` in words.
STATUS_COLUMN = "status"
#: Columns of an export that an import skips.
IGNORED_COLUMNS = tuple(column for column in EXPORTED if column not in {*IMPORT_COLUMNS, STATUS_COLUMN})
#: What is wrong with a row, in the file that has the rows to correct. An import skips it too.
ERRORS_COLUMN = "errors"
#: Further headings, normalized, in our users' languages. None that means another column to others, such as "Name".
SPELLINGS = {
    "username": "user login loginname logonname account accountname samaccountname benutzer benutzername anmeldename "
    "nomdutilisateur identifiant usuario nombredeusuario nomeutente utente gebruikersnaam nazwauzytkownika",
    "email": "mail emailaddress mailaddress emailadresse mailadresse adresseemail adressemail courriel correo "
    "correoelectronico postaelettronica indirizzoemail emailadres adresemail",
    "first_name": "first givenname given forename vorname rufname prenom nombre voornaam imie fornamn fornavn",
    "last_name": "last surname familyname family nachname familienname nomdefamille apellido apellidos cognome "
    "achternaam nazwisko efternamn etternavn efternavn",
    "roles": "role rolle rollen rol roller ruolo ruoli rola funcion",
    "is_active": "active enabled accountenabled aktiv actif activo attivo actief aktywny",
    "password": "passwort kennwort initialpassword motdepasse contrasena wachtwoord haslo losenord",
    STATUS_COLUMN: "state",
}
#: As in `First name *` and `E-mail:`, and byte order marks.
IGNORED_CHARACTERS = re.compile(r"[\s_\-.:*'/\u2010-\u2015\u2019\u200b-\u200d\u2060\ufeff]+")
#: How pandas calls a column without a name.
UNNAMED_HEADING = re.compile(r"unnamed\d*")
MISSING_COLUMNS = {
    "username": "There is no column username. Add one with that name. "
    "The part of the e-mail address before the @ often is a good username.",
    "email": "There is no column email. Add one with that name.",
}
IGNORE_HINT = "tick “Leave out other columns” (API: ignore_unknown_columns=true)"
MAX_COLUMNS = 1_000
MAX_QUOTED_CELLS, MAX_QUOTED_LENGTH = 12, 40


def normalize_heading(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading).casefold()
    return IGNORED_CHARACTERS.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))


COLUMN_BY_HEADING = {
    normalize_heading(name): name for name in (*IMPORT_COLUMNS, STATUS_COLUMN, *IGNORED_COLUMNS, ERRORS_COLUMN)
} | {key: name for name, spellings in SPELLINGS.items() for key in spellings.split()}


@dataclass(frozen=True, slots=True)
class Columns:
    positions: dict[str, int]
    width: int
    ignored: list[str]

    def named(self, cells: Sequence[str]) -> dict[str, str]:
        # Programs leave out empty cells at the end of a row.
        return {name: cells[index] if index < len(cells) else "" for name, index in self.positions.items()}


def count_recognized(cells: Iterable[str]) -> int:
    return sum(normalize_heading(cell) in COLUMN_BY_HEADING for cell in islice(cells, MAX_COLUMNS))


def find_columns(table: Table, *, ignore_unknown: bool) -> Columns:
    """The columns of a table; raises ValidationFailed with all mistakes of its header."""
    header = table.header
    if not count_recognized(header.cells):
        sentence = f"This line must name the columns: {', '.join(IMPORT_COLUMNS)}. It reads {_quoted(header.cells)}."
        raise file_error(sentence, header.number)
    width = max(index for index, cell in enumerate(header.cells, 1) if cell.strip())
    if width > MAX_COLUMNS:
        raise file_error(
            f"The line has more than {MAX_COLUMNS:,} columns. Remove those that aren't needed.", header.number
        )
    named: dict[str, list[int]] = {}
    unknown = [index for index in range(width) if normalize_heading(header.cells[index]) not in COLUMN_BY_HEADING]
    for index in range(width):
        if name := COLUMN_BY_HEADING.get(normalize_heading(header.cells[index])):
            named.setdefault(name, []).append(index)
    with_text = {index for row in table.rows for index, cell in enumerate(row.cells) if cell.strip()}
    unknown = [index for index in unknown if has_content(table, index, with_text)]
    ignored = [header.cells[index].strip() or f"column {index + 1}" for index in unknown]
    problems = [
        *(MISSING_COLUMNS[name] for name in REQUIRED_COLUMNS if name not in named),
        *(_repeated(name, header, indexes) for name, indexes in named.items() if len(indexes) > 1),
        *(() if ignore_unknown else unknown_columns(header, unknown)),
    ]
    if problems:
        raise ValidationFailed({f"line {header.number}": problems})
    return Columns({name: indexes[0] for name, indexes in named.items()}, width, ignored)


def has_content(table: Table, index: int, with_text: set[int]) -> bool:
    """Whether ignoring a column loses anything: it has a name, or cells that don't just number the rows."""
    key = normalize_heading(table.header.cells[index])
    if key and not UNNAMED_HEADING.fullmatch(key):
        return True
    if index:
        return index in with_text
    cells = [row.cells[0].strip() for row in table.rows]
    return any(cells) and all(cells != [str(start + n) for n in range(len(cells))] for start in (0, 1))


def _repeated(name: str, header: TableRow, indexes: list[int]) -> str:
    headings = " and ".join(f"“{truncate(header.cells[index].strip())}”" for index in indexes)
    return f"The column {name} is there twice: {headings}. Keep one."


def unknown_columns(header: TableRow, indexes: Sequence[int]) -> Iterator[str]:
    """Why columns that have no place are refused."""
    yield from _unknown([header.cells[index].strip() for index in indexes])
    yield from (_unnamed(index) for index in indexes if not header.cells[index].strip())


def _unknown(headings: list[str]) -> Iterator[str]:
    if headings := [heading for heading in headings if heading]:
        what, them = ("This column has", "it") if len(headings) == 1 else ("These columns have", "them")
        yield (
            f"{what} no place here: {_quoted(headings)}. Rename {them} to one of {', '.join(IMPORT_COLUMNS)}, "
            f"remove {them}, or {IGNORE_HINT}."
        )


def _unnamed(index: int) -> str:
    return f"Column {index + 1} has no name, but text in its cells. Name it, remove it, or {IGNORE_HINT}."


def _quoted(cells: Sequence[str]) -> str:
    shown = [f"“{truncate(cell.strip())}”" for cell in cells if cell.strip()]
    more = f" and {len(shown) - MAX_QUOTED_CELLS} more" if len(shown) > MAX_QUOTED_CELLS else ""
    return ", ".join(shown[:MAX_QUOTED_CELLS]) + more


def truncate(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"
