"""`manage.py audit_worker`: seal, anchor and watch the audit log until stopped."""

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.worker import supervisor


class Command(BaseCommand):
    """The work in the background. `scripts/server` starts it; where another server runs, start one beside it."""

    help = "Seal, anchor and watch the audit log until stopped. scripts/server does this already."

    def add_arguments(self, parser: CommandParser) -> None:
        """What ends it."""
        parser.add_argument("--until-closed", action="store_true", help="end when standard input is closed")

    def handle(self, *_: Any, until_closed: bool, **__: Any) -> None:
        """Work in threads, all of which may be cut off at any moment: each step is a transaction."""
        if not supervisor.is_needed():
            raise CommandError(
                "There is nothing to do: set AUDIT_SIGNING_KEY, and AUDIT_SEAL_SECONDS or AUDIT_VERIFY_HOURS."
            )
        ends = {signal.SIGINT, signal.SIGTERM}
        if not until_closed:
            signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, which inherit it
        supervisor.run()
        if until_closed:
            sys.stdin.buffer.read()
        else:
            signal.sigwait(ends)
