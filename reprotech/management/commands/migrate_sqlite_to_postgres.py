"""`manage.py migrate_sqlite_to_postgres FILE`: move a system that has grown on SQLite to PostgreSQL."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reprotech.backup.sqlite_to_postgres import MigrationRefused, migrate_to_postgres


class Command(BaseCommand):
    """Move, compare and verify; the SQLite file stays as it is."""

    help = "Move everything from a SQLite database to the empty PostgreSQL database that DATABASE_URL names."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """From where."""
        parser.add_argument("sqlite", type=Path, metavar="FILE", help="the SQLite database; stop its server first")

    def handle(self, *_: Any, sqlite: Path, **__: Any) -> None:
        """Do it."""
        try:
            moved = migrate_to_postgres(sqlite, self.stdout.write)
        except MigrationRefused as refusal:
            raise CommandError(f"Nothing was moved. {refusal}") from None
        self.stdout.write(f"{sum(moved.rows.values()):,} rows were moved. Each table is the same on both sides.")
        self.stdout.write(f"The audit log is whole: {moved.events:,} sealed events were verified in PostgreSQL.")
        for warning in moved.warnings:
            self.stdout.write(self.style.WARNING(f"Look at this: {warning}"))
        self.stdout.write(f"Keep {sqlite} until you have made a backup.")
