"""Making a backup, and checking that it can be restored."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection
from pyrage import x25519

from accounts.access.authorization import SYSTEM
from audit.crypto.signed_note import Signer
from audit.models import Action
from audit.sealing.signing_keys import log_name
from audit.services import record
from reprotech.backup import scratch
from reprotech.backup.archive import FORMAT, check_archive, parse_recipient, write_archive
from reprotech.backup.dump import Snapshot, snapshot
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.retention import name_at
from reprotech.backup.signatures import Trust
from reprotech.core.secure_files import create_private_file, sync_parent_directory

AUDIT_KEY = "AUDIT_SIGNING_KEY"
#: Settings that a trial restore must not share with the server; empty means the default.
ISOLATED_SETTINGS = ("REDIS_URL", "AUDIT_ANCHOR_FILE", "AUDIT_ANCHOR_URL", "AUDIT_ANCHOR_EMAIL")


def make_backup(directory: Path, recipients: Sequence[str], *, with_audit_key: bool, restore_it: bool) -> Path:
    """Write a backup for these public keys, read it back from the disk and, with `restore_it`, restore it as a trial.

    It is also encrypted for an ephemeral key, which is how it is read back where the private key isn't. Raises
    BackupFailed or OSError; then there is no file of this name.
    """
    keys = [parse_recipient(text) for text in recipients]
    if not keys:
        raise BackupFailed(
            "Nobody could open the backup: set BACKUP_RECIPIENTS. scripts/backup --new-key FILE makes a key."
        )
    if settings.AUDIT_SIGNING_KEY is None:
        raise BackupFailed("AUDIT_SIGNING_KEY is not set. It signs backups, and none is restored without a signature.")
    signer = Signer(log_name(), settings.AUDIT_SIGNING_KEY)
    ephemeral = x25519.Identity.generate()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch.remove_leftovers()
    # Before the snapshot, which then contains the event: a backup is an export of everything.
    record(actor=SYSTEM, action=Action.EXPORT, resource="database", format="backup", recipients=list(recipients))
    with snapshot() as copy:
        path = directory / name_at(copy.moment)
        partial = path.with_name(f"{path.name}.partial")
        with create_private_file(partial) as file:
            manifest, chosen = _manifest(copy), settings_text(with_audit_key=with_audit_key)
            write_archive(file, manifest, chosen, copy.content, keys=[*keys, ephemeral.to_public()], signer=signer)
    try:
        check_archive(partial, [ephemeral], Trust.of(settings.AUDIT_SIGNING_KEY))
        if restore_it:
            trial_restore(partial, ephemeral)
        partial.rename(path)
        sync_parent_directory(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _manifest(copy: Snapshot) -> dict[str, object]:
    notes = copy.ask("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
    return {
        "format": FORMAT,
        "moment": copy.moment.isoformat(),
        "database": connection.vendor,
        "version": copy.version,
        "migrations": sorted(f"{app}.{name}" for app, name in copy.ask("SELECT app, name FROM django_migrations")),
        "rows": {table: copy.ask(f'SELECT count(*) FROM "{table}"')[0][0] for table in copy.tables},  # noqa: S608  # nosec B608
        "checkpoint": notes[0][0] if notes else None,
    }


def settings_text(*, with_audit_key: bool) -> str:
    """`.env` with the values that the environment or a file overrides: all settings that a restore needs."""
    env = settings.ENV
    of_process = {name: os.environ[name].strip() for name in env.kinds if env.source(name) == "environment"}
    left_out = {f"{AUDIT_KEY}_FILE", AUDIT_KEY}
    if with_audit_key and settings.AUDIT_SIGNING_KEY:
        of_process[AUDIT_KEY] = b64encode(settings.AUDIT_SIGNING_KEY).decode()
        left_out.remove(AUDIT_KEY)
    try:
        text = env.env_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    names = "|".join({*of_process, *left_out})
    text = re.sub(rf"^\s*(export\s+)?({names})\s*=.*\n?", "", f"{text}\n", flags=re.MULTILINE).strip()
    added = [f"{name}='{value}'" for name, value in of_process.items() if name not in left_out]
    return "\n".join([text, *added]).strip() + "\n"


def trial_restore(path: Path, key: x25519.Identity) -> None:
    """Restore a backup into a scratch database by the real command, which verifies it, and drop the database."""
    with scratch.database() as url:
        environment = {**os.environ, **dict.fromkeys(ISOLATED_SETTINGS, ""), "DATABASE_URL": url}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        done = subprocess.run(  # noqa: S603 (our own command)  # nosec B603
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "restore", str(path), "--identity", "-"],
            input=str(key),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BackupFailed(f"The backup was made, but can't be restored: {done.stderr.strip()}")
