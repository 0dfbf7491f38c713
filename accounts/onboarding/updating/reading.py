"""Reading a list that another program made.

Its columns are those that the person chose for such a file, or guessed by their headings. They are shown first.
"""

from collections.abc import Mapping

from accounts.models import User
from accounts.onboarding.columns.memory import remembered_choices
from accounts.onboarding.headings import COLUMN_LABELS, count_guessed, guess_mapping
from accounts.users.csv.choices import FileChoices, column_titles, map_columns
from accounts.users.csv.parser import ParsedFile, parse_rows, refuse_empty
from accounts.users.csv.table import decode, read_table
from reprotech.web.streaming import BYTE_ORDER_MARK


def read_list(file: bytes | str, *, reader: User, day_order: str, with_roles: bool) -> ParsedFile:
    """The people of a list as `reader` explained it; without its roles unless they count. Raises ValidationFailed."""
    text = (decode(file, is_shown=True) if isinstance(file, bytes) else file).lstrip(BYTE_ORDER_MARK)
    table = read_table(text, count_guessed)
    refuse_empty(table)
    titles = [*column_titles(table).values()]
    chosen = remembered_choices(reader, titles) or FileChoices(guess_mapping(titles))
    mapping = chosen.columns
    if not with_roles:
        mapping = {heading: "" if name == "roles" else name for heading, name in mapping.items()}
    columns = map_columns(table, mapping, ignore_unknown=True)
    return parse_rows(text, table, columns, FileChoices(mapping, day_order or chosen.day_order, chosen.role_words))


def read_columns(mapping: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headings that count, with the words of the page for what they are."""
    return [(heading, COLUMN_LABELS[name]) for heading, name in mapping.items() if name in COLUMN_LABELS]
