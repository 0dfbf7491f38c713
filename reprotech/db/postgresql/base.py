"""The backend: `fetch_all` for frequent statements, and a health check of pooled connections without a round trip.

Django's `CONN_HEALTH_CHECKS` sends an empty statement each time, which takes as long as a query. But where the server
closed a connection, its message waits to be read. Silent networks are left to the keep-alive settings.
"""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError, RawCursor
from psycopg_pool import ConnectionPool

from reprotech.db.postgresql import statements
from reprotech.db.postgresql.statements import PreparingConnection, Reader, Row, Values
from reprotech.db.postgresql.timestamps import bounded_adapters


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        parameters["context"] = bounded_adapters(parameters["context"], self.timezone)
        return parameters

    def get_new_connection(self, conn_params: dict[str, object]) -> PreparingConnection:
        connection: PreparingConnection = super().get_new_connection(conn_params)
        return self._working(connection) if self.pool else connection

    def fetch_all(self, statement: str, values: Values = ()) -> list[Row]:
        """The rows of a read-only statement; raises Django's database errors.

        In a transaction it is part of that, and executed by a cursor.
        """
        return self._fetch(statement, values, statements.result_rows)

    def fetch_typed(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """The same, with Python's values in the rows."""
        return self._fetch(statement, values, statements.typed_rows)

    def _fetch(self, statement: str, values: Values, read: Reader) -> list[Any]:
        if self.connection is None and self.pool and not self.queries_logged:
            with self.wrap_database_errors:
                rows = self._fetch_from_pool(statement, values, read)
            if rows is not None:
                return rows
        self.ensure_connection()
        self.validate_no_broken_transaction()
        if self.queries_logged:
            self.queries_log.append({"sql": statement, "time": ""})
        with self.wrap_database_errors, RawCursor(self.connection) as cursor:
            cursor.execute(statement.encode(), values)
            return read(cursor.pgresult) if cursor.pgresult else []

    def _fetch_from_pool(self, statement: str, values: Values, read: Reader) -> list[Any] | None:
        self.pool.open()
        connection = self._working(self.pool.getconn())
        try:
            return statements.execute(connection, statement, values, read)
        finally:
            self.pool.putconn(connection)

    def _working(self, connection: PreparingConnection) -> PreparingConnection:
        while not is_usable(connection):
            connection.close()
            self.pool.putconn(connection)  # the pool replaces it
            connection = self.pool.getconn()
        return connection


def is_usable(connection: PreparingConnection) -> bool:
    """Whether an idle connection is open, as far as is known without asking the server."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        # Servers also send changed settings to idle clients.
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True
