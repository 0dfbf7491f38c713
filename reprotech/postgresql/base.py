"""The backend. It differs from Django's in how it makes sure that a connection from the pool still works.

`CONN_HEALTH_CHECKS` would have the server answer an empty statement first, each time, which takes as long as a query.
But a connection that the server closed, when it was stopped or told to end it, has its farewell waiting to be read.
What a network swallows without a word is found out by the keep-alive settings, not by either check.
"""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections to PostgreSQL."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works, from the pool if there is one; raises psycopg's errors."""
        connection: Any = super().get_new_connection(conn_params)
        while self.pool and not works(connection):
            connection.close()
            self.pool.putconn(connection)  # which has it replaced
            connection = self.pool.getconn()
        return connection

    def statement_cursor(self) -> Any:
        """A cursor for statements with their values in them, which the server prepares when they come again."""
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(Cursor(self.connection))  # type: ignore[attr-defined]


def works(connection: Connection[Any]) -> bool:
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
