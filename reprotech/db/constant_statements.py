"""Frequent statements whose text never changes, the same for both databases.

The ORM puts a query together for each call, and PostgreSQL plans it for each. These are written once, PostgreSQL
prepares them (`postgresql.statements`), and their rows are plain tuples.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from django.db import connection

if TYPE_CHECKING:
    from reprotech.db.postgresql.base import DatabaseWrapper

Value = datetime | date | int | Sequence[int]
Kind = Literal["number", "text", "moment", "boolean"]

#: Of a parameter, by its kind: numbers are a table with the column `value`.
POSTGRESQL_PARAMETERS = {
    "moment": "${}::timestamptz",
    "day": "${}::date",
    "numbers": "unnest(${}::bigint[]) AS given (value)",
}


def _sqlite_moment(cell: str | datetime) -> datetime:
    # Columns of a table come as times already, those of an expression as texts.
    return (cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)).replace(tzinfo=UTC)


SQLITE_READERS: dict[Kind, Callable[[Any], Any]] = {
    "number": int,
    "text": str,
    "moment": _sqlite_moment,
    "boolean": bool,
}


class _Parameter:
    """What takes the place of `{begin:moment}` in a text."""

    def __init__(self, name: str, names: list[str], *, is_postgresql: bool) -> None:
        self._name, self._names, self._is_postgresql = name, names, is_postgresql

    def __format__(self, kind: str) -> str:
        if not self._is_postgresql:
            return f"json_each(%({self._name})s)" if kind == "numbers" else f"%({self._name})s"
        if self._name not in self._names:
            self._names.append(self._name)
        return POSTGRESQL_PARAMETERS[kind].format(self._names.index(self._name) + 1)


class _Parameters(dict[str, object]):
    def __init__(self, *, is_postgresql: bool) -> None:
        # The one function that has another name in older versions of SQLite.
        super().__init__(string_agg="string_agg" if is_postgresql else "group_concat")
        self.names: list[str] = []
        self._is_postgresql = is_postgresql

    def __missing__(self, name: str) -> _Parameter:
        return _Parameter(name, self.names, is_postgresql=self._is_postgresql)


@dataclass
class ConstantStatement:
    """A text with parameters such as `{begin:moment}` (or `:day`, or `:numbers`), and the kinds of its columns.

    `{string_agg}` is the function of that name. A percent sign would be a placeholder.
    """

    text: str
    columns: Sequence[Kind]

    def rows(self, **values: Value) -> list[tuple[Any, ...]]:
        """Raises Django's database errors."""
        if connection.vendor == "postgresql":
            statement, names = self._postgresql
            backend = cast("DatabaseWrapper", connection)
            return backend.fetch_typed(statement, [_postgresql_value(values[name]) for name in names])
        with connection.cursor() as cursor:
            cursor.execute(self._sqlite, {name: _sqlite_value(value) for name, value in values.items()})
            readers = [SQLITE_READERS[kind] for kind in self.columns]
            return [
                tuple([None if cell is None else read(cell) for cell, read in zip(row, readers, strict=True)])
                for row in cursor.fetchall()
            ]

    @cached_property
    def _postgresql(self) -> tuple[str, list[str]]:
        """The text, and the names of its parameters in the order of their numbers."""
        parameters = _Parameters(is_postgresql=True)
        return self.text.format_map(parameters), parameters.names

    @cached_property
    def _sqlite(self) -> str:
        return self.text.format_map(_Parameters(is_postgresql=False))


def _postgresql_value(value: Value) -> str | int:
    if isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, date) else f"{{{','.join(map(str, value))}}}"


def _sqlite_value(value: Value) -> str | int | None:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int) else json.dumps([*value])
