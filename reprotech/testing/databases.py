"""Databases of a test session. Making all tables takes seconds, so it is done once, and copied where they must be."""

import fcntl
import os
import shutil
from pathlib import Path

import psycopg

from reprotech.testing.commands import manage

#: The name of the one that is copied.
MIGRATED = "migrated"


def create_database(name: str, *, like: str = "template1") -> str:
    """An empty PostgreSQL database, or a copy of another, next to the tests' own; returns its URL."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return url_of(name)


def url_of(name: str) -> str:
    """The URL of a database of the session's PostgreSQL."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


def create_migrated(stack: str, name: str | Path, session: Path) -> str:
    """A database as `manage.py migrate` leaves it; returns its URL.

    `name` is that of the PostgreSQL database, or the path of SQLite's file; `session` the directory of the session.
    """
    kept = session / f"{MIGRATED}.sqlite3"
    done = session / f"{MIGRATED}-{stack}"  # some tests start a server with SQLite whatever the stack
    with (session / f"{MIGRATED}.lock").open("w") as lock:  # the session's processes share it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            migrate(create_database(MIGRATED) if stack == "postgresql" else f"sqlite:///{kept}")
            if stack == "postgresql":  # what is connected to, be it by its own vacuuming, can't be copied
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
                    connection.execute(f"ALTER DATABASE {MIGRATED} WITH ALLOW_CONNECTIONS false")
            done.touch()
    if stack == "postgresql":
        return create_database(str(name), like=MIGRATED)
    shutil.copy(kept, name)
    return f"sqlite:///{name}"


def migrate(url: str) -> None:
    """Make all tables."""
    made = manage("migrate", "--verbosity=0", env={**os.environ, "DATABASE_URL": url, "REDIS_URL": ""})
    assert made.returncode == 0, made.stderr
