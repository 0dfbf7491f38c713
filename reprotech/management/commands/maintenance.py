"""`manage.py maintenance on|off|status`: maintenance mode."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime

from django.core.management import CommandError, CommandParser
from django.db import Error as DatabaseFailure

from audit.recorded_command import RecordedCommand
from reprotech import maintenance_mode
from reprotech.maintenance_mode import Maintenance

MAX_MESSAGE_LENGTH = 500


def utc_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-12-24T14:00 or 2026-12-24T15:00+01:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


class Command(RecordedCommand):
    help = "Answer every page and call with 503 and a message (on), or as usual (off); all processes obey at once."
    # The database may be down or half migrated.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("state", choices=["on", "off", "status"])
        parser.add_argument("--message", default="", help='what people read, such as "Back at 14:00"')
        parser.add_argument("--until", type=utc_time, help="when it should be over, such as 2026-12-24T14:00 (UTC)")

    def handle(self, *_: object, state: str, message: str, until: datetime | None, **__: object) -> None:
        if state != "on" and (message or until):
            raise CommandError("--message and --until go with on.")
        if len(message) > MAX_MESSAGE_LENGTH:
            raise CommandError(f"The message may have at most {MAX_MESSAGE_LENGTH} characters.")
        if until and until <= datetime.now(UTC):
            raise CommandError(f"{until:%Y-%m-%d %H:%M} UTC is over already.")
        try:
            getattr(self, state)(Maintenance(" ".join(message.split()), until))
        except OSError as error:
            raise CommandError(f"The maintenance file can't be written: {error}") from None

    def on(self, announced: Maintenance) -> None:
        before = maintenance_mode.current()
        maintenance_mode.enable(announced)
        self._record(before, announced)
        self.status(announced)

    def off(self, announced: Maintenance) -> None:
        before = maintenance_mode.current()
        if maintenance_mode.disable():
            self._record(before, None)
        self.status(announced)

    def status(self, _: Maintenance) -> None:
        found = maintenance_mode.current()
        self.stdout.write(f"Maintenance mode is on: {found.sentence}" if found else "Maintenance mode is off.")

    def _record(self, before: Maintenance | None, after: Maintenance | None) -> None:
        try:
            maintenance_mode.record_maintenance_change(before, after)
        except DatabaseFailure as error:
            # Maintenance must work without the database, and so the switch counts more than its record.
            reason = str(error).partition("\n")[0]
            self.stderr.write(f"This isn't in the audit log, since the database does not answer: {reason}")
