"""Dumping a consistent snapshot of the database, and loading one into an empty database; PostgreSQL and SQLite."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from django.conf import settings
from django.db import connection, transaction

from audit.sealing.transaction_ids import reset_transaction_ids
from reprotech.backup import scratch
from reprotech.backup.archive import CHUNK_SIZE
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.scratch import Rows

#: psycopg's connection parameters, and the variables by which PostgreSQL's programs take them.
LIBPQ_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
Query = Callable[[str], Rows]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A database as of one moment."""

    #: Everything committed before it is in the dump.
    moment: datetime
    #: The version of the program that can load the dump.
    version: int
    ask: Query
    tables: list[str]
    content: Iterable[bytes]


def snapshot() -> AbstractContextManager[Snapshot]:
    """The configured database as of now, while it stays in use. Raises BackupFailed."""
    return _postgresql_snapshot() if connection.vendor == "postgresql" else _sqlite_snapshot()


def load(content: Iterable[bytes]) -> None:
    """Load a dump into the configured database, which must be empty: all or nothing. Raises BackupFailed."""
    if tables := existing_tables():
        raise BackupFailed(
            f"The database of DATABASE_URL is not empty: it has {len(tables)} tables. Nothing was changed. "
            "Name an empty one, or move this one out of the way first."
        )
    connection.close()
    if connection.vendor == "postgresql":
        _load_postgresql(content)
        reset_transaction_ids()
    else:
        _load_sqlite(content)


def existing_tables() -> list[str]:
    """The tables of the configured database. Asking doesn't create a missing SQLite file."""
    if connection.vendor == "sqlite" and not Path(settings.DATABASES["default"]["NAME"]).exists():
        return []
    return connection.introspection.table_names()


@contextmanager
def _postgresql_snapshot() -> Iterator[Snapshot]:
    version = program_version("pg_dump")
    if version < (server := connection.cursor().connection.info.server_version // 10_000):
        raise BackupFailed(
            f"pg_dump is version {version} and refuses to copy from PostgreSQL {server}. "
            f"Put that of PostgreSQL {server} or newer first on the PATH."
        )
    # Before the snapshot, so that everything committed by then is in it.
    ((moment,),) = _query("SELECT clock_timestamp()")
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((snapshot,),) = _query("SELECT pg_export_snapshot()")
        tables = [name for (name,) in _query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")]
        command = ["pg_dump", "--format=custom", f"--snapshot={snapshot}"]
        yield Snapshot(moment.astimezone(UTC), version, _query, sorted(tables), _output_of(command))


def _query(query: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _output_of(command: list[str]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as complaints, _run(command, stdout=subprocess.PIPE, stderr=complaints) as process:
        output = cast("IO[bytes]", process.stdout)
        try:
            while chunk := output.read(CHUNK_SIZE):
                yield chunk
        finally:
            output.close()
        _check(command[0], process, complaints)


def _load_postgresql(content: Iterable[bytes]) -> None:
    command = ["pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    command += ["--no-comments", f"--dbname={connection.settings_dict['NAME']}"]
    program_version("pg_restore")
    with tempfile.TemporaryFile() as complaints, _run(command, stdin=subprocess.PIPE, stderr=complaints) as process:
        target = cast("IO[bytes]", process.stdin)
        try:
            for chunk in content:
                target.write(chunk)
            target.close()
        except BrokenPipeError:
            pass  # pg_restore says why
        except BaseException:
            process.kill()  # half a copy must not be committed
            raise
        _check(command[0], process, complaints)


def _run(command: list[str], **streams: IO[bytes] | int) -> "subprocess.Popen[bytes]":
    parameters = connection.get_connection_params()
    environment = {name: str(parameters[key]) for key, name in LIBPQ_VARIABLES.items() if parameters.get(key)}
    return subprocess.Popen(command, env={**os.environ, **environment}, **streams)  # type: ignore[call-overload, no-any-return]  # noqa: S603  # nosec B603


def _check(program: str, process: "subprocess.Popen[bytes]", complaints: IO[bytes]) -> None:
    if process.wait():
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()
        raise BackupFailed(f"{program} failed: {said}")


def program_version(program: str) -> int:
    """The major version of a PostgreSQL program; raises BackupFailed if it isn't installed."""
    if shutil.which(program) is None:
        raise BackupFailed(
            f"{program} is not on the PATH. Install PostgreSQL's client programs "
            "(Debian and Ubuntu: apt-get install postgresql-client)."
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603  # nosec B603
    found = re.search(r"\d+", said)
    return int(found[0]) if found else 0


@contextmanager
def _sqlite_snapshot() -> Iterator[Snapshot]:
    path = Path(settings.DATABASES["default"]["NAME"])
    if not path.exists():
        raise BackupFailed(f"There is no database {path}.")
    moment = datetime.now(UTC)
    with scratch.directory(scratch.COPY_PREFIX) as directory:
        copy = directory / "copy"
        with closing(sqlite3.connect(path, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
            try:
                source.backup(target)  # in one step, while others go on writing
                target.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error as error:
                raise BackupFailed(f"{path} can't be copied: {error}") from None
        with closing(sqlite3.connect(copy)) as database:

            def ask(query: str) -> Rows:
                return database.execute(query).fetchall()

            named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            yield Snapshot(
                moment, sqlite3.sqlite_version_info[0], ask, [name for (name,) in ask(named)], _read_chunks(copy)
            )


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_SIZE):
            yield chunk


def _load_sqlite(content: Iterable[bytes]) -> None:
    path = Path(settings.DATABASES["default"]["NAME"])
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    copy = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in content:
                file.write(chunk)
            file.flush()
            os.fsync(descriptor)
        with closing(sqlite3.connect(copy)) as database:
            ((verdict,),) = database.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != "ok":
            raise BackupFailed(f"The database in the backup is damaged: {verdict}")
        for journal in ("-wal", "-shm"):  # of another database that had this name
            Path(f"{path}{journal}").unlink(missing_ok=True)
        copy.replace(path)
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"The database in the backup is damaged: {error}") from None
    finally:
        copy.unlink(missing_ok=True)
