"""Restoring a backup into an empty database, migrating it and verifying that it is what was saved."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from pyrage import x25519

from accounts.access.authorization import SYSTEM
from accounts.sessions.services import end_all_sessions
from audit.anchoring.channels import anchored_notes
from audit.crypto.signed_note import CheckpointText, NoteError
from audit.models import Action
from audit.sealing.sealer import latest_checkpoint
from audit.services import record
from audit.verification.verifier import CannotVerify, Verification
from reprotech.backup.archive import VerifiedArchive, check_archive
from reprotech.backup.dump import load, program_version
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.signatures import Trust
from reprotech.core.key_material import encode_seed
from reprotech.migration_history import UPGRADE_HINT, is_too_old, known_migrations
from sso.sign_ins.restoring import end_restored_sign_ins

OWN_APPS = ("access_history", "access_requests", "accounts", "audit", "analytics", "sso", "reviews")
#: Settings that must equal those of the backup, and why.
REQUIRED_SECRETS = {
    "SECRET_KEY": "its data can't be read without, nor its newest events be proven. Set that one, or list it in "
    "SECRET_KEY_FALLBACKS",
    "AUDIT_SIGNING_KEY": "nothing can be sealed after its last checkpoint. Set that one; afterwards replace it by "
    "manage.py rotate_audit_key",
}


@dataclass
class Restored:
    """The outcome of a restore, with warnings."""

    moment: str
    rows: int
    events: int
    ended_sessions: int
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup's description of itself."""

    moment: str
    database: str
    #: Of the program that wrote the dump.
    version: int
    migrations: list[str]
    rows: dict[str, int]

    @classmethod
    def of(cls, found: dict[str, Any]) -> Self:
        """Parse a manifest; raises BackupFailed."""
        try:
            return cls(
                moment=str(found["moment"]),
                database=str(found["database"]),
                version=int(found["version"]),
                migrations=[str(name) for name in found["migrations"]],
                rows={str(table): int(number) for table, number in found["rows"].items()},
            )
        except (LookupError, TypeError, ValueError, AttributeError):
            raise BackupFailed("Its manifest lacks what one of Reprotech has.") from None


def restore(path: Path, keys: Sequence[x25519.Identity], trust: Trust) -> Restored:
    """Restore a backup into the configured database, which must be empty. Raises BackupFailed.

    A refused restore leaves the database empty; one that fails at the verification leaves it for inspection. Nothing in
    the backup is used before its signature was verified, least of all by pg_restore, which executes it.
    """
    backup = check_archive(path, keys, trust)
    manifest = Manifest.of(backup.manifest)
    _refuse_incompatible(manifest)
    _refuse_other_secrets(backup)
    load(backup.database())
    _compare_row_counts(manifest.rows)
    call_command("migrate", interactive=False, verbosity=0)
    events, warnings = verify_log()
    if backup.signer is None:
        warnings.append("The backup had no signature: nothing proves who made it.")
    ended = end_all_sessions(actor=SYSTEM)
    end_restored_sign_ins(actor=SYSTEM)
    record(actor=SYSTEM, action=Action.UPDATE, resource="database", restored_to=manifest.moment)
    return Restored(manifest.moment, sum(manifest.rows.values()), events, ended, warnings)


def _refuse_incompatible(manifest: Manifest) -> None:
    if manifest.database != connection.vendor:
        raise BackupFailed(
            f"It is a backup of {manifest.database}, and DATABASE_URL names {connection.vendor}. Restore it into "
            "the same kind of database; manage.py migrate_sqlite_to_postgres moves it to PostgreSQL afterwards."
        )
    applied = {(app, name) for app, _, name in (text.partition(".") for text in manifest.migrations)}
    if unknown := sorted(name for name in applied - known_migrations() if name[0] in OWN_APPS):
        raise BackupFailed(f"A newer version of Reprotech made it: this one doesn't know {'.'.join(unknown[-1])}.")
    if is_too_old(applied):
        raise BackupFailed(
            f"It is of a version that this one can't bring up to date. Restore it with that version. {UPGRADE_HINT}"
        )
    if connection.vendor == "postgresql" and (version := program_version("pg_restore")) < manifest.version:
        raise BackupFailed(f"pg_restore is version {version}, and pg_dump {manifest.version} made the backup.")


def _refuse_other_secrets(backup: VerifiedArchive) -> None:
    """Compare secrets without showing any."""
    seed = settings.AUDIT_SIGNING_KEY
    if backup.signer is None:
        fits_log = _saved_setting(backup, "AUDIT_SIGNING_KEY") in {"", seed and encode_seed(seed)}
    else:
        fits_log = backup.signer in Trust.of(seed).keys
    fits = {
        "SECRET_KEY": _saved_setting(backup, "SECRET_KEY") in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
        "AUDIT_SIGNING_KEY": fits_log,
    }
    for name, consequence in REQUIRED_SECRETS.items():
        if not fits[name]:
            raise BackupFailed(f"{name} is not the one of the backup: {consequence}. Nothing was restored.")


def _saved_setting(backup: VerifiedArchive, name: str) -> str:
    found = re.search(rf"^(?:export\s+)?{name}=\s*(['\"]?)(.*)\1\s*$", backup.settings, re.MULTILINE)
    return found[2] if found else ""


def _compare_row_counts(rows: dict[str, int]) -> None:
    known = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table, expected in rows.items():
            if table not in known:
                raise BackupFailed(f"{table} is not there after the restore.")
            cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 (an existing table)  # nosec B608
            if (found := cursor.fetchone()[0]) != expected:
                raise BackupFailed(f"{table} has {found} rows after the restore, and had {expected} before.")


def verify_log() -> tuple[int, list[str]]:
    """Verify the audit log against its keys and the anchors that are no newer; returns events and warnings."""
    latest = latest_checkpoint()
    size = latest.size if latest else 0
    if settings.AUDIT_SIGNING_KEY is None:
        return size, ["The audit log wasn't verified: AUDIT_SIGNING_KEY is not set."]
    absent = ""
    try:
        sizes = {note: _note_size(note) for note in anchored_notes()}
    except FileNotFoundError:  # as on a new server
        sizes = {}
        absent = (
            f"There is no {settings.AUDIT_ANCHOR_FILE}, so the log wasn't compared with checkpoints that left the "
            "database. If there was one, nothing is sealed until you bring it back or, to begin another, make an empty "
            "file of that name."
        )
    except OSError as error:
        raise BackupFailed(f"The anchor file can't be read: {error}") from None
    verification = Verification(kept_notes=[note for note, of in sizes.items() if of <= size])
    try:
        findings = list(verification.findings())
    except CannotVerify as error:
        raise BackupFailed(f"The audit log can't be verified. {error}") from None
    if damages := [str(finding) for finding in findings if not finding.is_warning]:
        raise BackupFailed("The restored audit log is damaged:\n" + "\n".join(damages[:20]))
    warnings = [str(finding) for finding in findings] + ([absent] if absent else [])
    if (newest := max(sizes.values(), default=0)) > size:
        warnings.append(
            f"The anchor file has a checkpoint of {newest:,} events, and the restored log has {size:,} sealed: the "
            f"others are lost. Nothing is sealed before you move {settings.AUDIT_ANCHOR_FILE} aside, keep it, and make "
            "an empty one in its place (docs/audit.md)."
        )
    return verification.count, warnings


def _note_size(note: str) -> int:
    try:
        return CheckpointText.parse(note.rpartition("\n\n")[0] + "\n").size
    except (NoteError, ValueError):
        return 0  # the verification says what is wrong with it
