"""Counters that the processes of one server share in a file, where there is no Redis or it can't be reached.

SQLite counts atomically, and releases its locks when a process is killed. The server's main process creates the file,
for itself and its workers alone, and removes it when it ends.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from limits.storage import Storage

#: Names the file to the worker processes.
PATH_VARIABLE = "REPROTECH_COUNTERS_FILE"
#: Counts between two cleanings, and how many counters may be left then.
CLEANING_INTERVAL, MAX_COUNTERS = 1_000, 500_000
#: Seconds to wait for another process, which counts for some microseconds.
TIMEOUT_SECONDS = 2

PREPARATION = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, amount INTEGER NOT NULL, ends REAL NOT NULL)
        WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS counters_by_end ON counters (ends);
"""
#: A window begins with the first event, and again with the first after all were refunded, as in Redis.
COUNT = """
    INSERT INTO counters (name, amount, ends) VALUES (:name, :amount, :ends)
    ON CONFLICT (name) DO UPDATE SET
        ends = CASE WHEN ends <= :now OR amount = 0 THEN excluded.ends ELSE ends END,
        amount = CASE WHEN ends <= :now THEN excluded.amount ELSE amount + excluded.amount END
    RETURNING amount
"""
#: Of too many those that would end soonest.
CLEAN = """
    DELETE FROM counters WHERE ends <= :now OR name IN (
        SELECT name FROM counters ORDER BY ends LIMIT max(0, (SELECT count(*) FROM counters) - :most)
    )
"""


@contextmanager
def shared_file() -> Iterator[None]:
    """A file for the processes that start within the block, if the disk has room for one."""
    try:
        directory = Path(tempfile.mkdtemp(prefix="reprotech-counters-"))  # which nobody else may open
    except OSError:
        yield
        return
    os.environ[PATH_VARIABLE] = str(directory / "counters.sqlite3")
    try:
        yield
    finally:
        del os.environ[PATH_VARIABLE]
        shutil.rmtree(directory, ignore_errors=True)


class FileStorage(Storage):
    """The file as a storage of the `limits` library. Each process has a connection of its own."""

    STORAGE_SCHEME = None

    def __init__(self, path: str) -> None:
        super().__init__(wrap_exceptions=True)
        self._path, self._lock = path, Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = self._counted = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        parameters = {"name": key, "amount": amount, "ends": now + expiry, "now": now}
        (counted,) = self._run(COUNT, parameters)[0]
        self._counted += 1
        if self._counted % CLEANING_INTERVAL == 0:
            self._run(CLEAN, {"now": now, "most": MAX_COUNTERS})
        return int(counted)

    def get(self, key: str) -> int:
        found = self._run("SELECT amount FROM counters WHERE name = ? AND ends > ?", (key, time.time()))
        return int(found[0][0]) if found else 0

    def get_all(self, keys: Sequence[str]) -> list[int]:
        places = ", ".join("?" * len(keys))
        statement = f"SELECT name, amount FROM counters WHERE ends > ? AND name IN ({places})"  # noqa: S608 (places alone)  # nosec B608
        found = {str(name): int(amount) for name, amount in self._run(statement, (time.time(), *keys))}
        return [found.get(key, 0) for key in keys]

    def get_expiry(self, key: str) -> float:
        found = self._run("SELECT ends FROM counters WHERE name = ?", (key,))
        return float(found[0][0]) if found else time.time()

    def check(self) -> bool:
        return bool(self._run("SELECT 1"))

    def reset(self) -> int | None:
        return len(self._run("DELETE FROM counters RETURNING name"))

    def clear(self, key: str) -> None:
        self._run("DELETE FROM counters WHERE name = ?", (key,))

    def _run(
        self, statement: str, parameters: Mapping[str, object] | Sequence[object] = ()
    ) -> list[tuple[float | str, ...]]:
        with self._lock:
            return self._opened().execute(statement, parameters).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            # Without transactions of its own, so that each statement is one.
            connection = sqlite3.connect(
                self._path, timeout=TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.executescript(PREPARATION)
            self._connection, self._process = connection, os.getpid()
        return self._connection
