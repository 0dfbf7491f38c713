"""`manage.py audit_worker`: seal, anchor and verify the audit log in the background until stopped."""

import signal
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import worker


class Command(BaseCommand):
    help = "Seal, anchor and watch the audit log until stopped. scripts/server does this already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-closed", action="store_true", help="end when standard input is closed")
        parser.add_argument("--heartbeat", type=Path, metavar="FILE", help="a file to touch after each round")

    def handle(self, *_: object, until_closed: bool, heartbeat: Path | None, **__: object) -> None:
        if not worker.is_needed():
            raise CommandError(
                "There is nothing to do: set AUDIT_SIGNING_KEY, and AUDIT_SEAL_SECONDS or AUDIT_VERIFY_HOURS."
            )
        ends = {signal.SIGINT, signal.SIGTERM}
        if not until_closed:
            signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, which inherit it
        worker.run(heartbeat)
        if until_closed:
            sys.stdin.buffer.read()
        else:
            signal.sigwait(ends)
