"""Which columns of a file are which, however people and programs spell them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from accounts.users.csv.export import EXPORT_COLUMNS as EXPORTED
from accounts.users.csv.table import Table, TableRow, file_error
from reprotech.core.exceptions import ValidationFailed

REQUIRED_COLUMNS = ("username", "email")
IMPORT_COLUMNS = (*REQUIRED_COLUMNS, "first_name", "last_name", "roles", "is_active", "password")
#: It says the same as `is_active`, in words.
STATUS_COLUMN = "status"
#: Columns of an export that nothing is made of.
IGNORED_COLUMNS = tuple(column for column in EXPORTED if column not in {*IMPORT_COLUMNS, STATUS_COLUMN})
#: Beside the names themselves: what people and directories call these columns, in the languages of our users, without
#: accents, blanks and marks. No word is here that means another column to others, such as "Name" or "Nom".
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
#: What a header may have beside letters: `First name *`, `E-mail:`, a byte order mark.
IGNORED_CHARACTERS = re.compile(r"[\s_\-.:*'/\u2010-\u2015\u2019\u200b-\u200d\u2060\ufeff]+")
#: What pandas calls a column without a name.
UNNAMED_HEADING = re.compile(r"unnamed\d*")
IGNORE_HINT = "tick “Leave out other columns” (API: ignore_unknown_columns=true)"
MAX_COLUMNS = 1_000
MAX_QUOTED_CELLS, MAX_QUOTED_LENGTH = 12, 40


def normalize_heading(heading: str) -> str:
    """A heading without what people spell differently: case, accents, blanks, hyphens."""
    letters = unicodedata.normalize("NFKD", heading).casefold()
    return IGNORED_CHARACTERS.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))


COLUMN_BY_HEADING = {normalize_heading(name): name for name in (*IMPORT_COLUMNS, STATUS_COLUMN, *IGNORED_COLUMNS)} | {
    key: name for name, spellings in SPELLINGS.items() for key in spellings.split()
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each column stands, and the headings of those that are left out."""

    positions: dict[str, int]
    #: So many cells a row has.
    width: int
    left_out: list[str]

    def named(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells of a row by column. Programs leave out empty cells at the end of a row."""
        return {name: cells[place] if place < len(cells) else "" for name, place in self.positions.items()}


def count_recognized(cells: Iterable[str]) -> int:
    """How many cells of a header name a column."""
    return sum(normalize_heading(cell) in COLUMN_BY_HEADING for cell in islice(cells, MAX_COLUMNS))


def find_columns(table: Table, *, ignore_unknown: bool) -> Columns:
    """The columns of a table; raises ValidationFailed with a sentence for each kind of mistake in its header."""
    header = table.header
    if not count_recognized(header.cells):
        sentence = f"This line must name the columns: {', '.join(IMPORT_COLUMNS)}. It reads {_quoted(header.cells)}."
        raise file_error(sentence, header.number)
    width = max(place for place, cell in enumerate(header.cells, 1) if cell.strip())
    if width > MAX_COLUMNS:
        raise file_error(
            f"The line has more than {MAX_COLUMNS:,} columns. Remove those that aren't needed.", header.number
        )
    named: dict[str, list[int]] = {}
    unknown = [place for place in range(width) if normalize_heading(header.cells[place]) not in COLUMN_BY_HEADING]
    for place in range(width):
        if name := COLUMN_BY_HEADING.get(normalize_heading(header.cells[place])):
            named.setdefault(name, []).append(place)
    with_text = {place for row in table.rows for place, cell in enumerate(row.cells) if cell.strip()}
    unknown = [place for place in unknown if _has_content(table, place, with_text)]
    left_out = [header.cells[place].strip() or f"column {place + 1}" for place in unknown]
    problems = [
        *(_missing(name) for name in REQUIRED_COLUMNS if name not in named),
        *(_repeated(name, header, places) for name, places in named.items() if len(places) > 1),
        *(() if ignore_unknown else _unknown([header.cells[place].strip() for place in unknown])),
        *(() if ignore_unknown else (_unnamed(place) for place in unknown if not header.cells[place].strip())),
    ]
    if problems:
        raise ValidationFailed({f"line {header.number}": problems})
    return Columns({name: places[0] for name, places in named.items()}, width, left_out)


def _has_content(table: Table, place: int, with_text: set[int]) -> bool:
    """Whether something is lost with a column: it has a name, or cells that don't just number the rows."""
    key = normalize_heading(table.header.cells[place])
    if key and not UNNAMED_HEADING.fullmatch(key):
        return True
    if place:
        return place in with_text
    cells = [row.cells[0].strip() for row in table.rows]
    return any(cells) and all(cells != [str(start + n) for n in range(len(cells))] for start in (0, 1))


def _missing(name: str) -> str:
    sentence = f"There is no column {name}. Add one with that name."
    if name == "username":
        sentence += " The part of the e-mail address before the @ often is a good username."
    return sentence


def _repeated(name: str, header: TableRow, places: list[int]) -> str:
    headings = " and ".join(f"“{truncate(header.cells[place].strip())}”" for place in places)
    return f"The column {name} is there twice: {headings}. Keep one."


def _unknown(headings: list[str]) -> Iterator[str]:
    """One sentence for all of them."""
    if headings := [heading for heading in headings if heading]:
        what, them = ("This column has", "it") if len(headings) == 1 else ("These columns have", "them")
        yield (
            f"{what} no place here: {_quoted(headings)}. Rename {them} to one of {', '.join(IMPORT_COLUMNS)}, "
            f"remove {them}, or {IGNORE_HINT}."
        )


def _unnamed(place: int) -> str:
    return f"Column {place + 1} has no name, but text in its cells. Name it, remove it, or {IGNORE_HINT}."


def _quoted(cells: Sequence[str]) -> str:
    shown = [f"“{truncate(cell.strip())}”" for cell in cells if cell.strip()]
    more = f" and {len(shown) - MAX_QUOTED_CELLS} more" if len(shown) > MAX_QUOTED_CELLS else ""
    return ", ".join(shown[:MAX_QUOTED_CELLS]) + more


def truncate(text: str) -> str:
    """A text for a sentence."""
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"
