"""`manage.py users import FILE`: the same import for a job that runs every month."""

import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import CommandError, OutputWrapper

from accounts.access.authorization import SYSTEM
from accounts.core.exceptions import TooManyLeavers
from accounts.onboarding.options import DEFAULT_LIST, MODES, UPDATE, ImportOptions, read_choices, read_options
from accounts.onboarding.services import Comparison, compare_people, update_people
from accounts.users.csv.choices import FileChoices
from accounts.users.csv.days import ORDERS
from accounts.users.csv.import_users import ImportedFile, import_users
from accounts.users.csv.parser import ParsedFile, parse_users
from accounts.users.csv.table import MAX_BYTES
from accounts.users.csv.usernames import fill_usernames
from reprotech.core.exceptions import ValidationFailed

#: Exit codes besides 0, which is for a file that was imported, or has nothing new.
REFUSED, CONFIRM_LEAVERS = 1, 3
STANDARD_INPUT = "-"


def add_import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a CSV file; - for standard input")
    parser.add_argument("--mode", choices=MODES, default=MODES[0], help="update also changes those who are there")
    parser.add_argument("--ignore-unknown-columns", action="store_true", help="leave out columns without a place here")
    parser.add_argument("--mapping", metavar="FILE", help="JSON: our column by the file's heading, or empty")
    parser.add_argument("--role-words", metavar="FILE", help="JSON: names of roles by the file's word")
    parser.add_argument("--day-order", choices=ORDERS, default="", help="for days that can be read in two ways")
    parser.add_argument("--list", default="", metavar="NAME", help=f"which list it is; {DEFAULT_LIST} if left out")
    parser.add_argument("--leavers", action="store_true", help="let accounts end of who stood in the list, and is gone")
    parser.add_argument("--last-day", type=_day, metavar="DAY", help="of those who left; today if left out")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="USERNAME", help="stays; may be given repeatedly"
    )
    parser.add_argument("--confirm-leavers", type=int, metavar="N", help="how many end, if more than a tenth do")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")


def run_import(options: dict[str, Any], out: OutputWrapper) -> None:
    """Raises CommandError, whose exit code says whether only the number of leavers has to be confirmed."""
    dry_run = options["dry_run"]
    try:
        chosen = read_options(
            mode=options["mode"],
            source=options["list"],
            leavers=options["leavers"],
            last_day=options["last_day"],
            keep=options["keep"],
            confirmed=options["confirm_leavers"],
        )
        choices = _read_choices(options)
        ignore_unknown = options["ignore_unknown_columns"]
        parsed = parse_users(_read(options["file"]), ignore_unknown_columns=ignore_unknown, choices=choices)
        file = ImportedFile(_name_of(options["file"]), parsed.mapping)
        if chosen.mode == UPDATE:
            _report(_update(parsed, chosen, file, dry_run=dry_run), out, dry_run=dry_run)
        else:
            rows = fill_usernames(parsed.users) if choices.columns else parsed.users
            created = import_users(actor=SYSTEM, rows=rows, dry_run=dry_run, file=file)
            out.write(f"{_people(created)} {'would be' if dry_run else _were(created)} created.")
    except TooManyLeavers as refused:
        raise CommandError(
            f"{refused.message} Add --confirm-leavers {refused.fields['leavers']}.", returncode=CONFIRM_LEAVERS
        ) from None
    except ValidationFailed as refused:
        _refuse(refused)


def _update(parsed: ParsedFile, options: ImportOptions, file: ImportedFile, *, dry_run: bool) -> Comparison:
    chosen: dict[str, Any] = {"source": options.source, "leavers": options.leavers}
    if dry_run:
        return compare_people(actor=SYSTEM, rows=parsed.users, **chosen)
    return update_people(actor=SYSTEM, rows=parsed.users, file=file, **chosen)


def _report(found: Comparison, out: OutputWrapper, *, dry_run: bool) -> None:
    people, leavers = found.people, found.leavers
    for row, draft in people.created:
        out.write(f"line {row.line}: {draft.user.username} is new")
    for change in people.changed:
        fields = [f"{name} from {old!r} to {new!r}" for name, (old, new) in change.described().items()]
        roles = [f"gets {name}" for name in change.added] + [f"loses {name}" for name in change.removed]
        out.write(f"line {change.row.line}: {change.user.username}: {', '.join([*fields, *roles])}")
    for line, user, note in people.notes:
        out.write(f"line {line}: {user.username}: {note}")
    for leaver in leavers.found if leavers else ():
        stays = "stays" + (f": {leaver.refusal}" if leaver.refusal else "")
        ends = leaver.user in found.ending and leavers is not None
        out.write(f"{leaver.user.username} isn't in the file, and {'ends' if ends else stays}")
    if found.changes_nothing:
        out.write(f"Nothing new: {_people(people.unchanged_count)} {_were(people.unchanged_count)} as in the file.")
        return
    counts = ", ".join(f"{number:,} {name}" for name, number in found.counts.items())
    out.write(f"{'This would be' if dry_run else 'Done'}: {counts}.")
    if dry_run and leavers and leavers.needs_confirmation and leavers.chosen:
        out.write(f"That is more than a tenth of {leavers.source}: add --confirm-leavers {len(leavers.chosen)}.")


def _read_choices(options: dict[str, Any]) -> FileChoices:
    texts = {}
    for name in ("mapping", "role_words"):
        try:
            texts[name] = _read(options[name]).decode() if options[name] else ""
        except UnicodeDecodeError:
            raise CommandError(f"{options[name]} is no JSON. Save it as UTF-8.", returncode=REFUSED) from None
    return read_choices(**texts, day_order=options["day_order"])


def _read(path: str) -> bytes:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.", returncode=REFUSED) from None


def _name_of(path: str) -> str:
    return "" if path == STANDARD_INPUT else Path(path).name


def _refuse(refused: ValidationFailed) -> NoReturn:
    sentences = [f"{place}: {sentence}" for place, said in refused.errors.items() for sentence in said]
    raise CommandError("\n".join(["Nothing was changed.", *sentences]), returncode=REFUSED) from None


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _people(number: int) -> str:
    return "1 user" if number == 1 else f"{number:,} users"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
