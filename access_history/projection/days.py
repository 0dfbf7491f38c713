"""How many accounts began and ended on each day, counted from their periods."""

from collections import Counter
from datetime import UTC, date

from django.db.models import Count
from django.db.models.functions import TruncDate

from access_history.models import AccountPeriod


def counted_days() -> dict[date, tuple[int, int]]:
    """(begun, ended) by day (UTC), as `AccountDay` has them."""
    begun, ended = _counted("from_at"), _counted("to_at")
    return {day: (begun[day], ended[day]) for day in sorted(begun.keys() | ended.keys())}


def _counted(column: str) -> Counter[date]:
    rows = AccountPeriod.objects.order_by().filter(**{f"{column}__isnull": False})
    days = rows.values_list(TruncDate(column, tzinfo=UTC)).annotate(number=Count("pk"))
    return Counter(dict(days))
