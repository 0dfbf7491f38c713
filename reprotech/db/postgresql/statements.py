"""Frequent statements, each executed by one call of libpq on a connection of the pool.

A cursor sends, waits and reads in steps, and releases the GIL at each. Statements have PostgreSQL's own placeholders,
`$1` and so on, each with a cast to its type; results come as PostgreSQL's text.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from psycopg import Connection, Error, OperationalError
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Row = tuple[bytes | None, ...]
Reader = Callable[[PGresult], list[Any]]
Values = Sequence[str | int | None]

#: Uses of a statement after which a connection prepares it, and how many it keeps and counts.
PREPARE_AFTER_USES, MAX_PREPARED, MAX_COUNTED = 5, 100, 1_000


class PreparingConnection(Connection):
    """A connection of the pool, with the statements that it prepared, by name, and how often each one was used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: dict[str, bytes] = {}
        self.uses: dict[str, int] = {}
        self.numbers = count()


def execute(
    connection: PreparingConnection, statement: str, values: Values, read: Reader | None = None
) -> list[Any] | None:
    """The rows, as PostgreSQL's text or as `read` makes them; None where the statement failed: a cursor that repeats it
    gives the reason.

    Raises OperationalError when the connection was lost: repeating it could take as long once more.
    """
    written = [None if value is None else str(value).encode() for value in values]
    try:
        result = _execute(connection, statement, written)
    except Error as error:
        _raise_if_lost(connection, error)
        return None
    if result.status == ExecStatus.TUPLES_OK:
        return (read or result_rows)(result)
    _raise_if_lost(connection)
    return None


def _raise_if_lost(connection: Connection, error: Error | None = None) -> None:
    if connection.closed:
        raise OperationalError("the connection was lost") from error


def result_rows(result: PGresult) -> list[Row]:
    columns = range(result.nfields)
    return [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]


def typed_rows(result: PGresult) -> list[tuple[Any, ...]]:
    """Rows of numbers, texts, booleans and times in UTC, as psycopg reads them without what a connection was set to."""
    transformer = Transformer()
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _execute(connection: PreparingConnection, statement: str, values: list[Any]) -> PGresult:
    link = connection.pgconn
    if _is_rare(connection.uses, statement):
        return link.exec_params(statement.encode(), values)
    names = connection.prepared
    name = names.get(statement)
    if name is None:
        if len(names) >= MAX_PREPARED:
            link.close_prepared(names.pop(next(iter(names))))
        name = b"statement_%d" % next(connection.numbers)
        link.prepare(name, statement.encode())
        names[statement] = name
    result = link.exec_prepared(name, values)
    if result.status != ExecStatus.TUPLES_OK:
        # Most likely it is gone: psycopg drops all of a connection's when a transaction is rolled back.
        names.clear()
    return result


def _is_rare(uses: dict[str, int], statement: str) -> bool:
    if len(uses) >= MAX_COUNTED:
        uses.clear()
    uses[statement] = uses.get(statement, 0) + 1
    return uses[statement] <= PREPARE_AFTER_USES
