"""How rows are sorted, empty values last."""

from typing import Any, TypeVar

from django.db import models
from django.db.models import F
from django.db.models.expressions import OrderBy

Row = TypeVar("Row", bound=models.Model)


class NullableColumn(str):
    """The name of a column that may be empty."""

    __slots__ = ()


def to_order_by(order: Any) -> OrderBy:
    """A part of a query's order, be it a column's name with a sign or an expression, to be changed at will."""
    if isinstance(order, str):
        return OrderBy(F(order.removeprefix("-")), descending=order.startswith("-"))
    return order.copy() if isinstance(order, OrderBy) else OrderBy(order)


def sort_by(expression: Any, *, descending: bool) -> OrderBy:
    """A column's name, or an expression, as a sort order; in a `Nullable` column empty values come last either way."""
    column = F(expression) if isinstance(expression, str) else expression
    nulls_last = True if isinstance(expression, NullableColumn) else None
    return OrderBy(column, descending=descending, nulls_last=nulls_last)
