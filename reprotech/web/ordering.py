"""Sort orders of lists, with empty values last."""

from typing import TypeVar, cast

from django.db import models
from django.db.models import F
from django.db.models.expressions import Combinable, Expression, OrderBy

Row = TypeVar("Row", bound=models.Model)


class NullableColumn(str):
    """The name of a column that may be empty."""

    __slots__ = ()


def to_order_by(order: str | Combinable) -> OrderBy:
    """A copy of a query's order: a column's name with a sign, or an expression."""
    if isinstance(order, str):
        return OrderBy(F(order.removeprefix("-")), descending=order.startswith("-"))
    return order.copy() if isinstance(order, OrderBy) else OrderBy(cast("Expression", order))


def sort_by(expression: str | Expression | F, *, descending: bool) -> OrderBy:
    """Sort by a column's name or an expression; a NullableColumn's empty values come last either way."""
    column = F(expression) if isinstance(expression, str) else expression
    nulls_last = True if isinstance(expression, NullableColumn) else None
    return OrderBy(column, descending=descending, nulls_last=nulls_last)
