"""How many accounts there were, from the numbers of each day."""

from datetime import UTC, datetime, time
from typing import Any

from django.db import connection

from access_history.models import AccountPeriod
from access_history.questions.selection import Question

#: In one query, as it is asked for each page.
TOTAL = """
    SELECT (SELECT coalesce(sum(begun - ended), 0) FROM access_account_days WHERE day < %s)
        + (SELECT count(*) FROM access_account_periods WHERE from_at BETWEEN %s AND %s)
        - (SELECT count(*) FROM access_account_periods WHERE to_at BETWEEN %s AND %s)
"""


def accounts_in(question: Question) -> int | None:
    """Of a question without filters; None for others, whose rows must be counted."""
    if not question.is_unfiltered:
        return None
    window = question.window
    if window.day is None:
        return accounts_at(window.begin)
    accounts: Any = AccountPeriod.objects
    there = accounts_at(window.begin)
    # Those that came during the day, also again after they had been deleted.
    came = accounts.filter(from_at__gt=window.begin, from_at__lt=window.end)
    came = came.between(window.begin, window.end).order_by().values_list("user_id", flat=True).distinct()
    known = accounts.at(window.begin).filter(user_id__in=came.values("user_id"))
    return there + int(came.count()) - int(known.count())


def accounts_at(moment: datetime) -> int:
    """A moment has one period of each account that exists: those begun until then, but for those that ended."""
    day = moment.astimezone(UTC).date()
    bounds = [connection.ops.adapt_datetimefield_value(at) for at in (datetime.combine(day, time(), UTC), moment)]
    with connection.cursor() as cursor:
        cursor.execute(TOTAL, [connection.ops.adapt_datefield_value(day), *bounds, *bounds])
        return int(cursor.fetchone()[0])
