"""Counting the rows of long lists only as far as is useful."""

from django.db import models
from django.db.models.expressions import Func

from reprotech.core.process_cache import process_cache
from reprotech.web.ordering import Row, to_order_by

#: Rows that are counted at most: a longer list says that there are more, and goes on as far as its pages are turned.
MAX_COUNTED = 10_000
#: How long a filter is known to have more rows than that: counting so far again would take longer than a page.
LARGE_RESULT_SECONDS = 60


def is_known_large(key: str | None) -> bool:
    """Whether the filters with this `cache_key` had more rows than are counted, a short time ago."""
    return key is not None and process_cache.get(f"large: {key}", default=False)


def remember_large(key: str | None) -> None:
    if key is not None:
        process_cache.set(f"large: {key}", value=True, timeout=LARGE_RESULT_SECONDS)


def slice_by_pk(queryset: models.QuerySet[Row], first: int, count: int) -> models.QuerySet[Row]:
    """`count` rows of a sorted queryset from the offset `first` on."""
    end = first + count
    if not first:
        return queryset[:end]
    # Skips the rows before by their keys alone: PostgreSQL would otherwise compute all columns of each.
    return queryset.filter(pk__in=queryset.values("pk")[first:end])


def fence_index_scan(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows in the same order, but no index in that order can be scanned for them."""
    orders = [to_order_by(order) for order in queryset.query.order_by or queryset.model._meta.ordering or ()]
    for order in orders[:1]:
        order.set_source_expressions([Func(order.expression, template="(SELECT %(expressions)s)")])
    return queryset.order_by(*orders)
