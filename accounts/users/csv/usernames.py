"""Usernames for the people of a file that has none for them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from accounts.users.csv.import_users import ImportRow
from accounts.users.uniqueness import MIN_PROPOSED_LENGTH, UsernamePool, numbered, username_base

NO_USERNAME = "username: None can be made of this name and address. Give one."
ALL_TAKEN = "username: All that can be made of this name are taken. Give one."


def lacks_username(row: ImportRow) -> bool:
    return bool(row.fields) and not row.fields["username"]


def fill_usernames(rows: Sequence[ImportRow], given: Mapping[int, str] | None = None) -> list[ImportRow]:
    """The rows with a username for those that have none: of `given` by line, or proposed where nothing is given.

    Where none is possible it is among the problems of the row. What was given is checked as any other username.
    """
    if given is None:
        given = {}
        proposed = propose_usernames(rows)
    else:
        proposed = {}
    return [_filled(row, given, proposed) if lacks_username(row) else row for row in rows]


def propose_usernames(rows: Sequence[ImportRow]) -> dict[int, str]:
    """Usernames by line for rows without one, such as "ada.byron", or the first free of "ada.byron2" …

    None of another row, of an account or of a former one; "" where there is none. In the same few queries for any
    number of rows.
    """
    bases = {row.line: username_base_of(row) for row in rows if lacks_username(row)}
    if not bases:
        return {}
    pool = UsernamePool({base for base in bases.values() if base})
    used = {str(row.fields["username"]).lower() for row in rows if row.fields and row.fields["username"]}
    numbers = {base: numbered(base) for base in bases.values() if base}
    proposed = {}
    for line, base in bases.items():
        # Rows of one name go on where the last one stopped.
        name = next((name for name in numbers.get(base, ()) if name not in used and not pool.is_taken(name)), "")
        used.add(name)
        proposed[line] = name
    return proposed


def username_base_of(row: ImportRow) -> str:
    """Of the names, or of the part of the address before the @, with a word of its domain if that is short."""
    if base := username_base(str(row.fields["first_name"]), str(row.fields["last_name"])):
        return base
    local, _, domain = str(row.fields["email"]).partition("@")
    if not domain:
        return ""
    first, _, rest = local.replace("_", "-").partition(".")
    base = username_base(first, rest) if rest else username_base("", first)
    return base if len(base) >= MIN_PROPOSED_LENGTH else username_base(first, domain.partition(".")[0])


def _filled(row: ImportRow, given: Mapping[int, str], proposed: Mapping[int, str]) -> ImportRow:
    if row.line not in proposed:
        return replace(row, fields={**row.fields, "username": given.get(row.line, "")})
    name = proposed[row.line]
    problems = row.problems
    if not name:
        problems += (ALL_TAKEN if username_base_of(row) else NO_USERNAME,)
    return replace(row, fields={**row.fields, "username": name}, problems=problems)
