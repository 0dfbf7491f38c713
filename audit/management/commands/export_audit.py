"""`manage.py export_audit`: events in a file that proves itself."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from audit.event_query import AuditQuery
from audit.export.bundles import Bundle, write
from audit.export.services import start_bundle
from audit.filters import AuditExport
from reprotech.core.actors import System
from reprotech.core.exceptions import Conflict, ValidationFailed


class Command(BaseCommand):
    help = "Write sealed events to a file for scripts/verify-export."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="FILE", help="a new file; - for standard output")
        for name in ("start", "end"):
            parser.add_argument(f"--{name}", metavar="PLACE", help=f"the {name} of a range of places in the tree")
        for name in AuditQuery().fields:
            option = {"from": "from-date", "to": "to-date"}.get(name, name.replace("_", "-"))
            parser.add_argument(f"--{option}", dest=f"filter_{name}", metavar="VALUE", help=f"as {name} in the API")

    def handle(self, *_: object, to: str, **options: object) -> None:
        if to == "-":
            write(sys.stdout.buffer, _bundle(options))
            return
        # Before the export is recorded: a file that can't be made must leave no event.
        if Path(to).exists():
            raise CommandError(f"{to} is there already. Name a new file.")
        bundle = _bundle(options)
        try:
            # x: another process may have made the file meanwhile.
            with Path(to).open("xb") as file:
                digest = write(file, bundle)
        except OSError as error:
            raise CommandError(f"{to} can't be written: {error.strerror}.") from None
        self.stdout.write(
            f"{bundle.rows:,} events, SHA-256 {digest}. Check them with: scripts/verify-export {to} --key KEY"
        )


def _bundle(options: Mapping[str, object]) -> Bundle:
    query = QueryDict(mutable=True)
    query["format"] = "bundle"
    for name, value in options.items():
        if value is not None and (name in {"start", "end"} or name.startswith("filter_")):
            query[name.removeprefix("filter_")] = str(value)
    try:
        return start_bundle(actor=System(), query=AuditExport.parse(query))
    except ValidationFailed as error:
        raise CommandError(" ".join(f"{name}: {' '.join(found)}" for name, found in error.errors.items())) from None
    except Conflict as error:
        raise CommandError(error.message) from None
