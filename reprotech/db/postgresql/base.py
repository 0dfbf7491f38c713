"""The backend. It has a quick way for statements that come again and again, and another way than Django's to make sure
that a connection from the pool still works.

`CONN_HEALTH_CHECKS` would have the server answer an empty statement first, each time, which takes as long as a query.
But a connection that the server closed, when it was stopped or told to end it, has its farewell waiting to be read.
What a network swallows without a word is found out by the keep-alive settings, not by either check.
"""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError, RawCursor
from psycopg_pool import ConnectionPool

from reprotech.db.postgresql import statements
from reprotech.db.postgresql.statements import Row, Values


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works, from the pool if there is one; raises psycopg's errors."""
        connection: Any = super().get_new_connection(conn_params)
        return self._working(connection) if self.pool else connection

    def fetch_all(self, statement: str, values: Values = ()) -> list[Row]:
        """The rows that a statement finds, which changes nothing; raises Django's database errors.

        Inside a transaction it is part of that, and asked by a cursor.
        """
        if self.connection is None and self.pool and not self.queries_logged:
            with self.wrap_database_errors:
                rows = self._asked_quickly(statement, values)
            if rows is not None:
                return rows
        self.ensure_connection()
        self.validate_no_broken_transaction()
        if self.queries_logged:
            self.queries_log.append({"sql": statement, "time": ""})
        with self.wrap_database_errors, RawCursor(self.connection) as cursor:
            cursor.execute(statement.encode(), values)
            return statements.result_rows(cursor.pgresult) if cursor.pgresult else []

    def _asked_quickly(self, statement: str, values: Values) -> list[Row] | None:
        self.pool.open()
        connection = self._working(self.pool.getconn())
        try:
            return statements.execute(connection, statement, values)
        finally:
            self.pool.putconn(connection)

    def _working(self, connection: Any) -> Any:
        """The same connection of the pool, or another in its place."""
        while not is_usable(connection):
            connection.close()
            self.pool.putconn(connection)  # which has it replaced
            connection = self.pool.getconn()
        return connection


def is_usable(connection: Connection[Any]) -> bool:
    """Whether an idle connection is open at the other end, as far as that is known here."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        # Servers also tell idle clients of changed settings.
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True
