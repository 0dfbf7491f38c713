"""`manage.py migrate_sqlite_to_postgres FILE`: move a SQLite installation to PostgreSQL."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from reprotech.backup.sqlite_to_postgres import MigrationRefused, migrate_to_postgres


class Command(BaseCommand):
    help = "Move everything from a SQLite database to the empty PostgreSQL database that DATABASE_URL names."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sqlite", type=Path, metavar="FILE", help="the SQLite database; stop its server first")

    def handle(self, *_: object, sqlite: Path, **__: object) -> None:
        try:
            moved = migrate_to_postgres(sqlite, self.stdout.write)
        except MigrationRefused as refusal:
            raise CommandError(f"Nothing was moved. {refusal}") from None
        self.stdout.write(f"{sum(moved.rows.values()):,} rows were moved. Each table is the same on both sides.")
        self.stdout.write(f"The audit log is whole: {moved.events:,} sealed events were verified in PostgreSQL.")
        for warning in moved.warnings:
            self.stdout.write(self.style.WARNING(f"Look at this: {warning}"))
        self.stdout.write(f"Keep {sqlite} until you have made a backup.")
