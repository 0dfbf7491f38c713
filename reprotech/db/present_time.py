"""The present time in queries that are built once and run many times."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models
from django.db.models import Value
from django.utils import timezone

_is_database_time: ContextVar[bool] = ContextVar("is_database_time", default=False)


@contextmanager
def database_time() -> Iterator[None]:
    """Statements that are written within it ask PostgreSQL for the time, so that they can be kept and run later."""
    token = _is_database_time.set(True)
    try:
        yield
    finally:
        _is_database_time.reset(token)


class PresentTime(Value):
    """The time at which a query runs, not the one at which it was built: conditions with it can be constants."""

    def __init__(self) -> None:
        super().__init__(None, output_field=models.DateTimeField())

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if _is_database_time.get():
            return "statement_timestamp()", []
        # Of this process, in microseconds: SQLite's own knows milliseconds only.
        return Value(timezone.now(), output_field=self.output_field).as_sql(compiler, connection)
