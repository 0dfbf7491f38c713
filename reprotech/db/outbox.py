"""Rows that wait to be sent: leased to one process at a time, with growing intervals between attempts.

Models of such rows have the columns `due_at` and `attempts`. If a process dies while it sends, its lease expires and
another one sends: at worst something arrives twice.
"""

from datetime import timedelta
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.utils import timezone

#: More would only overflow: the longest interval is reached before.
MAX_DOUBLINGS = 20

Row = TypeVar("Row", bound=models.Model)


@transaction.atomic
def take_due(rows: "models.QuerySet[Row]", *, lease: timedelta, limit: int = 1) -> list[Row]:
    """Those of the rows that have been due for longest, leased to this caller: no other process gets them."""
    now = timezone.now()
    skip_locked = connection.features.has_select_for_update_skip_locked
    due = rows.filter(due_at__lte=now).order_by("due_at")
    found: list[Any] = list(due.select_for_update(skip_locked=skip_locked, of=("self",))[:limit])
    for row in found:
        row.attempts += 1
        row.due_at = now + lease
        row.save(update_fields=["attempts", "due_at"])
    return found


def retry_delay(attempts: int, *, first: timedelta, maximum: timedelta) -> timedelta:
    """From a failed attempt, the first being number 1, to the next one."""
    doublings = max(0, min(attempts - 1, MAX_DOUBLINGS))
    return min(first * (1 << doublings), maximum)
