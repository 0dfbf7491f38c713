"""Rows that are put back after a test that emptied the tables."""

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from accounts.models import Permission, Role, Session, User
from audit.models import AuditLog

#: Tables that every emptying of the database empties; only what is written from there on is whole.
OURS = {model._meta.db_table for model in (User, Role, Permission, Session, AuditLog)}


class SavedRows:
    """What `make` writes into empty tables. On PostgreSQL its rows are copied from the second time on."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._copies: dict[str, bytes] = {}

    def bring_back(self) -> None:
        """Write the rows."""
        if connection.vendor != "postgresql":
            self._make()
            return
        empty = {table for table in connection.introspection.table_names() if not has_rows(table)}
        if OURS - empty:
            self._make()
        elif self._copies:
            self._write()
        else:
            self._make()
            self._copies = {table: copied(table) for table in empty if has_rows(table)}

    def _write(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # The tables that triggers write to are among the copies.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table, rows in self._copies.items():
                with cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT BINARY)') as copy:
                    copy.write(rows)
                # A test that made demo data may have set it back.
                for sequence in connection.introspection.get_sequences(cursor, table):
                    name, column = sql.Literal(sequence["name"]), sql.Identifier(sequence["column"])
                    statement = sql.SQL(
                        "SELECT setval({name}, greatest((SELECT max({column}) FROM {table}), nextval({name})))"
                    )
                    cursor.execute(statement.format(name=name, column=column, table=sql.Identifier(table)))
            cursor.execute("SET LOCAL session_replication_role = origin")


def has_rows(table: str) -> bool:
    """Whether there are any."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
        return bool(cursor.fetchone()[0])


def copied(table: str) -> bytes:
    """All rows of a table."""
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT BINARY)') as copy:
        return b"".join(bytes(part) for part in copy)
