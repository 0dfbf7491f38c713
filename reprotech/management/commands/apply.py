"""`manage.py apply FILE`: roles, exclusions, applications and reviews as a file says that they should be."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError

from audit.recorded_command import RecordedCommand
from reprotech.desired_state.document import MAX_BYTES, DocumentRefused, read_document
from reprotech.desired_state.report import report_lines
from reprotech.desired_state.services import apply_document

#: Exit code of a plan that has changes, as scripts expect of tools that compare.
WOULD_CHANGE = 2


class Command(RecordedCommand):
    help = (
        "Create, change and delete roles, exclusions, applications and reviews as a TOML or JSON file says: all of it "
        "or nothing. What the file doesn't name stays as it is, and a second time changes nothing. "
        f"--plan shows what would change; its exit code is {WOULD_CHANGE} when something would."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="TOML or JSON; - for standard input")
        parser.add_argument("--plan", action="store_true", help="show what would change, and change nothing")
        parser.add_argument(
            "--secrets", type=Path, metavar="FILE", help="a new file for the secrets of applications that are created"
        )

    def handle(self, *_: object, file: str, plan: bool, secrets: Path | None, **__: object) -> None:
        try:
            document = read_document(_content(file))
        except DocumentRefused as refusal:
            raise CommandError(f"{refusal}\nNothing was changed.") from None
        try:
            events = apply_document(document, is_plan=plan, secrets=secrets)
        except DocumentRefused as refusal:
            raise CommandError(f"{refusal}\nNothing was changed.") from None
        except OSError as error:
            reason = "is there already: name a new file" if isinstance(error, FileExistsError) else error.strerror
            raise CommandError(f"{secrets}: {reason}. Nothing was changed.") from None
        for line in report_lines(events, is_plan=plan):
            self.stdout.write(line)
        if plan and events:
            raise SystemExit(WOULD_CHANGE)


def _content(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from None
