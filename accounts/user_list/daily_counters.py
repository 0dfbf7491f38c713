"""How many users came and went each day (UTC), without counting them: PostgreSQL keeps count, by triggers.

As with `accounts.user_list.counters` each change adds a row, so that no two changes wait for each other, and now and
then the rows of a day are folded into one. SQLite counts each time.
"""

from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from accounts.models import User, UserDay
from accounts.user_list import counters as user_list_counters

#: Rows beyond one a day that may gather before they are folded.
MAX_ROWS = 500

ADD = """
    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, {sign} AS created, 0 AS deleted FROM {rows}
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, {sign} FROM {rows} WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;
"""
FOLD = """
    WITH gone AS (
        DELETE FROM user_days WHERE day IN (SELECT day FROM user_days GROUP BY day HAVING count(*) > 1)
        RETURNING day, created, deleted
    )
    INSERT INTO user_days (day, created, deleted) SELECT day, sum(created), sum(deleted) FROM gone GROUP BY day
"""
IS_OTHER = "OLD.deleted_at IS DISTINCT FROM NEW.deleted_at OR OLD.created_at IS DISTINCT FROM NEW.created_at"


def changes_since(first: date) -> tuple[Counter[date], Counter[date]]:
    """How many accounts were made and how many were deleted each day, from the day `first` on."""
    if not user_list_counters.is_supported():
        start = datetime.combine(first, time(), UTC)
        return _counted("created_at", start), _counted("deleted_at", start)
    days = UserDay.objects.filter(day__gte=first).values("day").annotate(came=Sum("created"), went=Sum("deleted"))
    found = list(days.values_list("day", "came", "went"))
    return Counter({day: came for day, came, _ in found}), Counter({day: went for day, _, went in found})


def _counted(field: str, start: datetime) -> Counter[date]:
    since: Any = User.objects.filter(**{f"{field}__gte": start}).annotate(date=TruncDate(field, tzinfo=UTC))
    return Counter(dict(since.order_by().values("date").annotate(n=Count("pk")).values_list("date", "n")))


def compact() -> None:
    """Put the rows of each day into one, if they have become many."""
    there = UserDay.objects.aggregate(rows=Count("pk"), days=Count("day", distinct=True))
    if there["rows"] - there["days"] > MAX_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(FOLD)


def install() -> list[str]:
    """PostgreSQL's statements that make the triggers and count what is there."""
    statements = []
    for verb, sign, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
        how = f"REFERENCING {image} TABLE AS changed FOR EACH STATEMENT"
        statements += _trigger(verb, how, ADD.format(sign=sign, rows="changed"))
    images = (ADD.format(sign=sign, rows=f"(SELECT {row}.*) AS image") for sign, row in ((-1, "OLD"), (1, "NEW")))
    statements += _trigger("UPDATE", f"FOR EACH ROW WHEN ({IS_OTHER})", "".join(images))
    return [*statements, ADD.format(sign=1, rows="users")]


def remove() -> list[str]:
    """The statements that take the triggers away."""
    return [f"DROP FUNCTION users_day_{verb}() CASCADE" for verb in ("insert", "delete", "update")]


def _trigger(verb: str, how: str, body: str) -> list[str]:
    name = f"users_day_{verb.lower()}"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {verb} ON users {how} EXECUTE FUNCTION {name}()",
    ]
