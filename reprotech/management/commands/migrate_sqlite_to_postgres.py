"""`manage.py migrate_sqlite_to_postgres FILE`: move a SQLite installation to PostgreSQL."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.sqlite_to_postgres import migrate_to_postgres


class Command(BaseCommand):
    help = "Move everything from a SQLite database to the empty PostgreSQL database that DATABASE_URL names."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sqlite", type=Path, metavar="FILE", help="the SQLite database; stop its server first")

    def handle(self, *_: object, sqlite: Path, **__: object) -> None:
        try:
            rows, events, warnings = migrate_to_postgres(sqlite, self.stdout.write)
        except BackupFailed as refusal:
            raise CommandError(f"Nothing was moved. {refusal}") from None
        self.stdout.write(f"{rows:,} rows were moved. Each table is the same on both sides.")
        self.stdout.write(f"The audit log is whole: {events:,} sealed events were verified in PostgreSQL.")
        for warning in warnings:
            self.stdout.write(self.style.WARNING(f"Look at this: {warning}"))
        self.stdout.write(f"Keep {sqlite} until you have made a backup.")
