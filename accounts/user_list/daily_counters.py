"""How many users came and went each day (UTC): PostgreSQL maintains the numbers as `counters` does, SQLite counts."""

from collections import Counter
from datetime import UTC, date, datetime, time

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from accounts.models import User, UserDay
from accounts.user_list import counters

#: Rows beyond one a day that may gather before they are compacted.
MAX_ROWS = 500
COMPACT_SQL = """
    WITH gone AS (
        DELETE FROM user_days WHERE day IN (SELECT day FROM user_days GROUP BY day HAVING count(*) > 1)
        RETURNING day, created, deleted
    )
    INSERT INTO user_days (day, created, deleted) SELECT day, sum(created), sum(deleted) FROM gone GROUP BY day
"""


def changes_since(first: date) -> tuple[Counter[date], Counter[date]]:
    """How many accounts were created and how many were deleted each day, from the day `first` on."""
    if not counters.is_supported():
        start = datetime.combine(first, time(), UTC)
        return _count("created_at", start), _count("deleted_at", start)
    days = UserDay.objects.filter(day__gte=first).values("day")
    sums = days.annotate(all_created=Sum("created"), all_deleted=Sum("deleted"))
    rows = list(sums.values_list("day", "all_created", "all_deleted"))
    return Counter({day: created for day, created, _ in rows}), Counter({day: deleted for day, _, deleted in rows})


def _count(field: str, start: datetime) -> Counter[date]:
    days = User.objects.filter(**{f"{field}__gte": start}).order_by().values(date=TruncDate(field, tzinfo=UTC))
    return Counter(dict(days.annotate(n=Count("pk")).values_list("date", "n")))


def compact() -> None:
    rows = UserDay.objects.aggregate(all=Count("pk"), days=Count("day", distinct=True))
    if rows["all"] - rows["days"] > MAX_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(COMPACT_SQL)
