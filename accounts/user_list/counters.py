"""How many users there are, and came and went each day (UTC): PostgreSQL maintains the numbers, by triggers.

Each change adds rows that say by how much numbers changed, so that no two changes wait for each other. A number is the
sum of its rows; now and then they are compacted into one. On SQLite, which is for small labs, lists are counted.
"""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime, time

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from accounts.models import User, UserCount, UserDay
from accounts.models.querysets import ROLE_COUNTER_PREFIX

#: Rows, or rows beyond one a day, that may gather before they are compacted.
MAX_ROWS = 500

#: A beginning or an end counts once it is on record, within half a minute (`accounts.access_periods.boundaries`).
#: Of `UserState.STATUS_FILTERS` those that are maintained; that an invitation expires changes no row.
COUNTED_STATES = frozenset({"active", "inactive", "locked", "invited", "pending", "ended", "must_change_password"})

#: Written out: each list asks, and building it with Django would take longer than its answer.
COUNTER_SQL = "SELECT coalesce(sum(change), 0) FROM user_counts WHERE name = %s"
#: One statement: no reader finds the rows gone and their sum not there yet.
COMPACT_COUNTS_SQL = """
    WITH gone AS (DELETE FROM user_counts RETURNING name, change)
    INSERT INTO user_counts (name, change) SELECT name, sum(change) FROM gone GROUP BY name
"""
COMPACT_DAYS_SQL = """
    WITH gone AS (
        DELETE FROM user_days WHERE day IN (SELECT day FROM user_days GROUP BY day HAVING count(*) > 1)
        RETURNING day, created, deleted
    )
    INSERT INTO user_days (day, created, deleted) SELECT day, sum(created), sum(deleted) FROM gone GROUP BY day
"""


def is_supported() -> bool:
    """Whether this database maintains counters."""
    return connection.vendor == "postgresql"


def read_counter(name: str) -> int:
    """How many users are `existing`, `service`, `with_factor`, in a state of COUNTED_STATES, or hold a role."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTER_SQL, [name])
        return int(cursor.fetchone()[0])


def read_counters(names: Collection[str]) -> dict[str, int]:
    found = UserCount.objects.filter(name__in=names).values_list("name").annotate(sum=Sum("change"))
    return dict.fromkeys(names, 0) | dict(found)


def role_counter(role_id: int) -> str:
    """The name of the number of a role's users."""
    return f"{ROLE_COUNTER_PREFIX}{role_id}"


def changes_since(first: date) -> tuple[Counter[date], Counter[date]]:
    """How many accounts were created and how many were deleted each day, from the day `first` on."""
    if not is_supported():
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
    days = UserDay.objects.aggregate(all=Count("pk"), days=Count("day", distinct=True))
    with connection.cursor() as cursor:
        if UserCount.objects.count() > MAX_ROWS:
            cursor.execute(COMPACT_COUNTS_SQL)
        if days["all"] - days["days"] > MAX_ROWS:
            cursor.execute(COMPACT_DAYS_SQL)
