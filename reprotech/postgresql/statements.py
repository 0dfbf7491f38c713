"""Statements that come again and again, each asked in one step.

A cursor takes several: it sends, waits and reads, and at each lets other threads go first. Here libpq does all that at
once, on a connection that is taken from the pool for just this. Values come back as the text that PostgreSQL writes.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import Connection, Error, OperationalError
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Row = tuple[bytes | None, ...]
Values = Sequence[str | int | None]

#: Uses of a statement in this process, after which connections prepare it, and how many of them a connection keeps.
USES, MOST_PREPARED = 5, 100


class Statement:
    """A statement in SQL with PostgreSQL's own placeholders, `$1` and so on, each with a cast to its type."""

    __slots__ = ("__weakref__", "text", "uses")

    def __init__(self, text: str) -> None:
        self.text = text.encode()
        self.uses = 0


def ask(connection: Connection[Any], statement: Statement, values: Values) -> list[Row] | None:
    """The rows; None where the statement failed: a cursor that asks the same knows why.

    Raises OperationalError when the connection was lost. Whoever asked again might wait as long once more.
    """
    written = [None if value is None else str(value).encode() for value in values]
    try:
        result = _ask(connection, statement, written)
    except Error as error:
        _raise_if_lost(connection, error)
        return None
    if result.status == ExecStatus.TUPLES_OK:
        return rows_of(result)
    _raise_if_lost(connection)
    return None


def _raise_if_lost(connection: Connection[Any], error: Error | None = None) -> None:
    if connection.closed:
        raise OperationalError("the connection was lost") from error


def rows_of(result: PGresult) -> list[Row]:
    """The rows of a result."""
    columns = range(result.nfields)
    return [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]


def _ask(connection: Connection[Any], statement: Statement, values: list[Any]) -> PGresult:
    link = connection.pgconn
    statement.uses += 1
    if statement.uses <= USES:
        return link.exec_params(statement.text, values)
    names = _prepared.setdefault(connection, {})
    name = names.get(statement)
    if name is None:
        if len(names) >= MOST_PREPARED:
            link.close_prepared(names.pop(next(iter(names))))
        name = b"statement_%d" % next(_numbers)
        link.prepare(name, statement.text)
        names[statement] = name
    result = link.exec_prepared(name, values)
    if result.status != ExecStatus.TUPLES_OK:
        # Most likely it isn't there any more: psycopg lets all of a connection's go when a transaction is rolled back.
        names.clear()
    return result


_prepared: WeakKeyDictionary[Connection[Any], dict[Statement, bytes]] = WeakKeyDictionary()
_numbers = count()
