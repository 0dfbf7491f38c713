"""Counting long lists no further than is useful."""

import time

from django.db import models
from django.db.models.expressions import Func

from reprotech.web.ordering import Row, to_order_by

#: Counting ends here: of more rows a list says that there are more, and goes on as far as one turns its pages.
MAX_COUNTED = 10_000


#: Seconds for which it holds that there are more: to count so far again would take longer than a page.
LARGE_RESULT_SECONDS = 60


#: So few rows are found by their filters and then sorted. A planner that takes them for more would walk through the
#: whole table in the sort's order until it has met enough of them for a page.
SMALL_RESULT_LIMIT = 10_000


#: Filters of which that is remembered.
MAX_LARGE_RESULTS = 1_000


class LargeResults:
    """Which filters are known to let through more rows than are counted, by their names."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def has(self, name: str | None) -> bool:
        """Whether that was so a little while ago."""
        return name is not None and self._until.get(name, 0) > time.monotonic()

    def add(self, name: str | None) -> None:
        """That it is so now."""
        if name is not None:
            if len(self._until) >= MAX_LARGE_RESULTS:
                self._until.clear()
            self._until[name] = time.monotonic() + LARGE_RESULT_SECONDS

    def clear(self) -> None:
        """Count all anew."""
        self._until.clear()


large_results = LargeResults()


def slice_by_pk(queryset: models.QuerySet[Row], first: int, count: int) -> models.QuerySet[Row]:
    """So many rows of a sorted queryset from the position `first` on, 0 for the first of all.

    The rows before them are passed by their keys alone: PostgreSQL would put together what it shows of each.
    """
    end = first + count
    if not first:
        return queryset[:end]
    return queryset.filter(pk__in=queryset.values("pk")[first:end])


def fence_index_scan(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows in the same order; no index in that order can be walked to look for them."""
    orders = [to_order_by(order) for order in queryset.query.order_by or queryset.model._meta.ordering or ()]
    for order in orders[:1]:
        order.set_source_expressions([Func(order.expression, template="(SELECT %(expressions)s)")])
    return queryset.order_by(*orders)
