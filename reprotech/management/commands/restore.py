"""`manage.py restore`: restore a backup into an empty database. `scripts/restore` also restores missing settings."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError

from audit.recorded_command import RecordedCommand
from reprotech.backup.archive import parse_identities
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.restore import restore
from reprotech.backup.signatures import Trust, add_trust_arguments, signers_in


class Command(RecordedCommand):
    help = "Restore a backup into the database of DATABASE_URL, which must be empty, and verify it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path, metavar="FILE")
        parser.add_argument(
            "--identity", required=True, metavar="KEY", help="the file of the private key; - for standard input"
        )

        add_trust_arguments(parser)

    def handle(
        self,
        *_: object,
        backup: Path,
        identity: str,
        signed_by: list[str],
        accept_unsigned: bool,
        **__: object,
    ) -> None:
        try:
            text = sys.stdin.read() if identity == "-" else Path(identity).read_text(encoding="utf-8")
            trust = Trust.of(
                settings.AUDIT_SIGNING_KEY,
                [*signers_in(text), *signed_by],
                accepts_unsigned=accept_unsigned,
            )
            done = restore(backup, parse_identities(text), trust)
        except BackupFailed as failure:
            raise CommandError(str(failure)) from None
        except DatabaseError as error:
            raise CommandError(f"The database does not answer: {str(error).partition(chr(10))[0]}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The backup can't be restored: {error}") from None
        self.stdout.write(f"Restored as of {done.moment}: {done.rows:,} rows, as many as were saved.")
        self.stdout.write(f"The audit log is whole: {done.events:,} sealed events were verified.")
        ended = "1 session was" if done.ended_sessions == 1 else f"{done.ended_sessions:,} sessions were"
        self.stdout.write(f"{ended} ended: everybody signs in again.")
        for warning in done.warnings:
            self.stdout.write(self.style.WARNING(f"Look at this: {warning}"))
