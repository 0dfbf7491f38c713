"""Scratch databases and directories for making and verifying a backup.

Each is claimed by a lock that ends with its process. An unclaimed one was left by a killed process, and the next backup
removes it: it is a copy of everything, and takes as much space.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection

from audit.sealing.append_only_triggers import INSUFFICIENT_PRIVILEGE
from reprotech.backup.exceptions import BackupFailed

TRIAL_PREFIX, COPY_PREFIX = ".rehearsal-", ".backup-"
#: At most 63 bytes; with the oid of the database, since a server may have several.
DATABASE_NAME = "reprotech_rehearsal_{database}_{chance}"

Rows = list[tuple[Any, ...]]


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database for a trial restore."""
    if connection.vendor == "sqlite":
        with directory(TRIAL_PREFIX) as path:
            yield f"sqlite:///{path}/rehearsal.sqlite3"
        return
    name = DATABASE_NAME.format(database=_database_oid(), chance=secrets.token_hex(6))
    _query("SELECT pg_advisory_lock(hashtextextended(%s, 0))", name)
    try:
        _create_database(name)
        yield urlsplit(settings.ENV.text("DATABASE_URL"))._replace(path=f"/{name}").geturl()
    finally:
        _query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        _query("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


@contextmanager
def directory(prefix: str) -> Iterator[Path]:
    """A directory next to the database, so that those who may read the copy may read the original."""
    path, descriptor = _create_claimed(prefix)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers() -> None:
    """Remove the scratch databases and directories of killed backups of this database."""
    if connection.vendor == "sqlite":
        for prefix in (TRIAL_PREFIX, COPY_PREFIX):
            for path in _database_directory().glob(f"{prefix}*/"):
                _remove_unclaimed(path)
        return
    pattern = DATABASE_NAME.format(database=_database_oid(), chance="").replace("_", r"\_") + "%"
    owned = "SELECT datname FROM pg_database WHERE datname LIKE %s AND pg_get_userbyid(datdba) = current_user"
    for (name,) in _query(owned, pattern):
        if _query("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name) == [(True,)]:
            try:
                with suppress(OperationalError):  # in use by another restore or an operator
                    _query(f'DROP DATABASE IF EXISTS "{name}"')
            finally:
                _query("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _create_database(name: str) -> None:
    try:
        _query(f'CREATE DATABASE "{name}"')
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") == INSUFFICIENT_PRIVILEGE:
            raise BackupFailed(
                "To restore the backup for a test, the database role must be allowed to make a database: "
                f'ALTER ROLE "{connection.settings_dict["USER"]}" CREATEDB'
            ) from None
        raise


def _database_oid() -> int:
    ((number,),) = _query("SELECT oid FROM pg_database WHERE datname = current_database()")
    return int(number)


def _query(statement: str, *parameters: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def _database_directory() -> Path:
    return Path(settings.DATABASES["default"]["NAME"]).resolve().parent


def _create_claimed(prefix: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(dir=_database_directory(), prefix=prefix))
        with suppress(FileNotFoundError):  # another backup took it for a leftover before it was claimed
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                return path, descriptor
            os.close(descriptor)


def _remove_unclaimed(path: Path) -> None:
    with suppress(OSError):  # claimed, or gone
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        finally:
            os.close(descriptor)
