"""`manage.py archive_audit`: move the oldest events of the audit log into a bundle."""

import subprocess
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, time
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.dateparse import parse_date

from audit.anchoring.channels import anchored_notes
from audit.recorded_command import RecordedCommand
from audit.retention.archiving import (
    Archive,
    LeafRange,
    archivable_range,
    archive_cutoff,
    drop_archived,
    record_copy,
    write_archive,
)
from audit.sealing.sealer import trusted_keys
from audit.verification.verifier import CannotVerify, Verification
from reprotech.core.actors import System
from reprotech.core.exceptions import Conflict
from reprotech.core.secure_files import create_private_file

VERIFIER = settings.BASE_DIR / "scripts" / "verify-export"


class Command(RecordedCommand):
    help = "Write the oldest events of the audit log to a bundle and, with --drop, remove them from the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, type=Path, metavar="FILE", help="a new file")
        parser.add_argument("--before", metavar="DATE", help="events before this day, else AUDIT_RETENTION_DAYS ago")
        parser.add_argument("--most", type=int, metavar="N", help="at most so many events")
        parser.add_argument("--drop", action="store_true", help="remove the events from the database")
        parser.add_argument("--yes", action="store_true", help="don't ask before removing them")

    def handle(
        self, *_: object, to: Path, before: str | None, most: int | None, drop: bool, yes: bool, **__: object
    ) -> None:
        if most is not None and most < 1:
            raise CommandError("--most must be at least 1.")
        try:
            places = archivable_range(_archive_before(before), most)
            archive = _write(to, places)
            _verify(to)
            what = f"{places.end - places.start:,} events, places {places.start} to {places.end - 1}"
            self.stdout.write(f"{to}: {what}, SHA-256 {archive.sha256}. The file proves itself.")
            if drop:
                self._drop(archive, ask=not yes)
            else:
                record_copy(actor=System(), archive=archive)
        except Conflict as error:
            raise CommandError(error.message) from None

    def _drop(self, archive: Archive, *, ask: bool) -> None:
        _refuse_damaged_log()
        if ask and input("Remove these events from the database? Type yes to continue: ").strip().lower() != "yes":
            raise CommandError("Nothing was removed.")
        count = drop_archived(actor=System(), archive=archive)
        self.stdout.write(
            f"{count:,} events were removed from the database. Keep the file as long as you must be able to show them."
        )


def _refuse_damaged_log() -> None:
    # Damage is hard to find once the events that show it are gone.
    try:
        damages = (one for one in Verification(kept_notes=anchored_notes()).findings() if not one.is_warning)
        if damage := next(damages, None):
            raise CommandError(f"The audit log is damaged, so nothing was removed. {damage.sentence}")
    except CannotVerify as error:
        raise CommandError(
            f"It can't be told whether the audit log is whole, so nothing was removed. {error}"
        ) from None


def _archive_before(before: str | None) -> datetime:
    limit = archive_cutoff()
    if before is None:
        if not settings.AUDIT_RETENTION_DAYS:
            raise CommandError("Give --before, or set AUDIT_RETENTION_DAYS.")
        return limit
    try:
        day = parse_date(before)
    except ValueError:
        day = None
    if day is None:
        raise CommandError("--before must be a date such as 2030-01-31.")
    moment = datetime.combine(day, time(), UTC)
    if moment > limit:
        raise CommandError(f"--before may be {limit:%Y-%m-%d} at the latest: younger events stay in the database.")
    return moment


def _write(path: Path, places: LeafRange) -> Archive:
    """Write a bundle to a new file readable by its owner alone, and return once the disk has it."""
    try:
        with create_private_file(path) as file:
            return write_archive(actor=System(), file=file, places=places)
    except FileExistsError:
        raise CommandError(f"{path} is there already. Name a new file.") from None
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from None


def _verify(path: Path) -> None:
    """Check the file as an auditor would: nothing is removed whose bundle doesn't prove itself."""
    keys = [word for key in trusted_keys() for word in ("--key", str(key))]
    command = [sys.executable, str(VERIFIER), str(path), *keys]
    # By the auditors' program, which shares no code with this one: a mistake in both is unlikely.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own program)  # nosec B603
    if done.returncode:
        raise CommandError(f"{path} doesn't prove itself, so nothing was removed.\n{done.stdout}{done.stderr}")
