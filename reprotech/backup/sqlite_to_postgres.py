"""Moving everything from a SQLite database to an empty PostgreSQL database: all of it or nothing.

Rows keep their ids, salts and codes, leaves and checkpoints their bytes, so that every proof stays valid. Before the
transaction ends, each table is compared row by row, and the audit log is verified in PostgreSQL.
"""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections, models, transaction

from accounts.access.authorization import SYSTEM
from audit.capture import triggers
from audit.capture.settlement import EVENT_MARK
from audit.crypto.sealed_row import is_authentic
from audit.crypto.signed_note import Signer
from audit.models import Action, AuditLog, CapturedChange, SigningKey
from audit.sealing import append_only_triggers
from audit.sealing.bulk_load import copy_rows
from audit.sealing.transaction_ids import assign_transaction_ids
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.backup.dump import existing_tables
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.restore import OWN_APPS, verify_log

SOURCE_ALIAS = "source"
BATCH_SIZE = 2_000
CHECKSUM_MODULUS = 2**256
#: One of the newest must have been written under this SECRET_KEY or one that it replaced.
MAX_CHECKED_EVENTS = 20
SECRETS_HINT = "Take SECRET_KEY, JWT_SECRET_KEY and AUDIT_SIGNING_KEY over from the settings beside it (.env)."
Model = type[models.Model]


def migrate_to_postgres(path: Path, tell: Callable[[str], None]) -> tuple[int, int, list[str]]:
    """Move everything; returns the numbers of rows and of verified events, and warnings.

    Raises BackupFailed, and then PostgreSQL has empty tables at most.
    """
    if connection.vendor != "postgresql":
        raise BackupFailed("DATABASE_URL must name the PostgreSQL database that everything goes to.")
    if not path.is_file():
        raise BackupFailed(f"There is no file {path}.")
    if existing_tables():
        _refuse_rows()
    call_command("migrate", interactive=False, verbosity=0)
    with _upgraded_copy(path) as copy, _source_connection(copy):
        _refuse_other_keys()
        with transaction.atomic(durable=True):
            with explicitly_recorded(), triggers.suspended():  # one event describes it all
                rows = sum(_copy_table(model, tell) for model in migrated_models())
            _assign_transaction_ids()
            _set_sequences()
            events, warnings = verify_log()
            refuse_concurrent_writes(path, copy)
            record(actor=SYSTEM, action=Action.UPDATE, resource="database", moved_from="SQLite")
    return rows, events, warnings


def migrated_models() -> list[Model]:
    """Every managed table, also the `through` tables."""
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]


def _refuse_rows() -> None:
    for model in migrated_models():
        table = model._meta.db_table
        if model.__module__.startswith(OWN_APPS) and table in existing_tables():
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}")')  # noqa: S608 (a table of ours)  # nosec B608
                if cursor.fetchone()[0]:
                    raise BackupFailed(f"The PostgreSQL database is not empty: {table} has rows. Name a new one.")


def _refuse_other_keys() -> None:
    # The log continues under the keys it was written with; the settings of a new server have other ones.
    newest = SigningKey._base_manager.using(SOURCE_ALIAS).order_by("id").last()
    seed = settings.AUDIT_SIGNING_KEY
    if newest and (seed is None or Signer(newest.name, seed).verifier != newest.verifier):
        raise BackupFailed(
            f"AUDIT_SIGNING_KEY is not the one of the SQLite database, whose audit log is signed with {newest}. "
            f"{SECRETS_HINT}"
        )
    events = AuditLog._base_manager.using(SOURCE_ALIAS).order_by("-id")[:MAX_CHECKED_EVENTS]
    codes = [(event.sealed_row(), event.authentication) for event in events]
    if codes and not any(is_authentic(row, bytes(code or b"")) for row, code in codes):
        raise BackupFailed(
            "SECRET_KEY is not the one of the SQLite database: its second factors could not be read any more, nor its "
            f"newest events be proven. {SECRETS_HINT}"
        )


@contextmanager
def _upgraded_copy(path: Path) -> Iterator[Path]:
    """A copy of the SQLite database in the present schema; the original stays untouched."""
    try:
        # Beside it, where those who may read the copy may read the original.
        directory = tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=".moving-")
    except OSError as error:
        raise BackupFailed(
            f"A copy of {path} is brought up to date beside it, and {path.resolve().parent} can't be written: "
            f"{error.strerror}. Put the file into a directory of your own, such as /var/lib/reprotech."
        ) from None
    with directory:
        copy = Path(directory.name, "copy.sqlite3")
        try:
            with closing(sqlite3.connect(path, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        except sqlite3.DatabaseError as error:
            raise BackupFailed(f"{path} can't be read: {error}.") from None
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{copy}", "REDIS_URL": ""}
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--no-input", "--verbosity=0"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (ours)  # nosec B603
        if done.returncode:
            raise BackupFailed(f"{path} can't be brought up to date: {done.stderr.strip()}")
        yield copy


@contextmanager
def _source_connection(path: Path) -> Iterator[None]:
    defaults = connections.settings["default"]
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    connections.settings[SOURCE_ALIAS] = {
        **defaults,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": options,
    }
    try:
        yield
    finally:
        connections[SOURCE_ALIAS].close()
        del connections[SOURCE_ALIAS]
        del connections.settings[SOURCE_ALIAS]


def _copy_table(model: Model, tell: Callable[[str], None]) -> int:
    """Copy a table, read it on both sides and compare; returns the number of its rows."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        # Ours are empty; Django's own rows were made by migrate, with other ids.
        cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 (a table of ours)  # nosec B608
    fields = model._meta.concrete_fields
    columns = [(field.attname, field.get_db_prep_save) for field in fields]
    rows = model._base_manager.using(SOURCE_ALIAS).order_by().iterator(chunk_size=BATCH_SIZE)
    while batch := list(islice(rows, BATCH_SIZE)):
        try:
            # Not by the model, which would put the present time into some fields.
            values = ([to_sql(getattr(row, name), connection) for name, to_sql in columns] for row in batch)
            copy_rows(table, [str(field.column) for field in fields], values)
        except (psycopg.Error, ValueError) as error:
            between = f"{batch[0].pk} and {batch[-1].pk}"
            raise BackupFailed(f"PostgreSQL refuses a row of {table} between {between}: {str(error).strip()}") from None
    (before, sum_before), (after, sum_after) = (_checksum(model, alias) for alias in (SOURCE_ALIAS, "default"))
    if (before, sum_before) != (after, sum_after):
        raise BackupFailed(f"{table} is not the same on both sides: {before:,} rows before, {after:,} after.")
    if after:
        tell(f"{table}: {after:,} rows, checksum {sum_after:064x}"[:100])
    return after


def _checksum(model: Model, alias: str) -> tuple[int, int]:
    """The number of a table's rows, and a checksum that doesn't depend on their order."""
    fields = [field.attname for field in model._meta.concrete_fields]
    number = total = 0
    for row in model._base_manager.using(alias).order_by().values_list(*fields).iterator(chunk_size=BATCH_SIZE):
        number += 1
        total += int.from_bytes(hashlib.sha256(json.dumps(row, cls=_Encoder, sort_keys=True).encode()).digest())
    return number, total % CHECKSUM_MODULUS


class _Encoder(DjangoJSONEncoder):
    """Encodes bytes as both database drivers return them."""

    def default(self, o: object) -> object:
        return bytes(o).hex() if isinstance(o, bytes | memoryview) else super().default(o)


def _assign_transaction_ids() -> None:
    """Give events of captured SQLite changes that aren't settled yet their transaction id in PostgreSQL."""
    marks = CapturedChange.objects.filter(verb=EVENT_MARK)
    events = [(int(key), number or 0) for key, number in marks.values_list("row_key", "transaction_id")]
    with append_only_triggers.suspended(), connection.cursor() as cursor:
        assign_transaction_ids(cursor, events)
    marks.delete()


def _set_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), migrated_models()):
            cursor.execute(statement)


def refuse_concurrent_writes(path: Path, copy: Path) -> None:
    newest = []
    for file in (path, copy):
        with closing(sqlite3.connect(file, timeout=60)) as database:
            newest.append(database.execute("SELECT count(*), max(id) FROM audit_logs").fetchone())
    if newest[0] != newest[1]:
        raise BackupFailed("The SQLite database was changed meanwhile. Stop the server, then start again.")
