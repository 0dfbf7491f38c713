"""How many users there are, without counting them: PostgreSQL maintains the numbers, by triggers in the migrations.

Each change adds rows that say by how much numbers changed, so that no two changes wait for each other. A number is the
sum of its rows; now and then they are compacted into one. On SQLite, which is for small labs, lists are counted.
"""

from collections.abc import Collection

from django.db import connection
from django.db.models import Sum

from accounts.models import UserCount
from accounts.models.querysets import ROLE_COUNTER_PREFIX

#: Rows that may gather before they are compacted.
MAX_ROWS = 500

#: Written out: each list asks, and building it with Django would take longer than its answer.
COUNTER_SQL = "SELECT coalesce(sum(change), 0) FROM user_counts WHERE name = %s"
#: One statement: no reader finds the rows gone and their sum not there yet.
COMPACT_SQL = """
    WITH gone AS (DELETE FROM user_counts RETURNING name, change)
    INSERT INTO user_counts (name, change) SELECT name, sum(change) FROM gone GROUP BY name
"""


def is_supported() -> bool:
    """Whether this database maintains counters."""
    return connection.vendor == "postgresql"


def read_counter(name: str) -> int:
    """How many users are `existing`, `active`, `inactive`, `locked` or `service`, or hold a role."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTER_SQL, [name])
        return int(cursor.fetchone()[0])


def read_counters(names: Collection[str]) -> dict[str, int]:
    found = UserCount.objects.filter(name__in=names).values_list("name").annotate(sum=Sum("change"))
    return dict.fromkeys(names, 0) | dict(found)


def role_counter(role_id: int) -> str:
    """The name of the number of a role's users."""
    return f"{ROLE_COUNTER_PREFIX}{role_id}"


def compact() -> None:
    if UserCount.objects.count() > MAX_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(COMPACT_SQL)
