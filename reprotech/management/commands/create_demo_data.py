"""`manage.py create_demo_data`: load users and a sealed audit log into an unused installation."""

import sys
import time
from argparse import ArgumentTypeError
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from reprotech.core.exceptions import Conflict
from reprotech.demo.loader import load

BAR_WIDTH = 30


class Command(BaseCommand):
    help = "Fill an empty installation with believable users and a sealed audit log. The same seed gives the same data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--users", type=_count, default=1_000, help="how many people (1,000)")
        parser.add_argument("--audit-events", type=_count, default=20_000, help="how many events (20,000)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives other data (1)")
        parser.add_argument("--until", type=_utc_time, help="when the history ends, as 2026-01-31T17:00 UTC (now)")

    def handle(
        self, *_: object, users: int, audit_events: int, seed: int, until: datetime | None, **__: object
    ) -> None:
        if audit_events and not users:
            raise CommandError("Events need people: give --users a number above 0.")
        began = time.monotonic()
        try:
            load(users=users, events=audit_events, seed=seed, until=until or timezone.now(), progress=self._show)
        except Conflict as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{users:,} users and {audit_events:,} events in {time.monotonic() - began:,.0f} seconds.")
        self.stdout.write(
            "They have no passwords: set one as an administrator to sign in as one of them, and turn off two-factor "
            "authentication where it is set up."
        )

    def _show(self, what: str, done: int, whole: int) -> None:
        if not sys.stderr.isatty():
            return
        share = done / whole if whole else 1
        bar = ("█" * round(BAR_WIDTH * share)).ljust(BAR_WIDTH, "░")
        figures = f"{share:4.0%} {done:,} of {whole:,}" if whole else "…"
        self.stderr.write(f"\r\033[K{what:16} {bar} {figures}", ending="\n" if done == whole else "")
        self.stderr.flush()


def _count(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 0:
        raise ArgumentTypeError("must not be negative")
    return number


def _utc_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
