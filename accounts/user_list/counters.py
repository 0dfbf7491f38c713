"""How many users there are, without counting them: PostgreSQL keeps count, by triggers.

Each change adds rows that say by how much numbers changed, so that no two changes wait for each other. A number is the
sum of its rows; now and then they are folded into one. SQLite counts anew each time: it holds what a bench has, not a
company.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Sum

from accounts.models import UserCount
from accounts.models.querysets import ROLE_COUNTER_PREFIX

#: Rows that may gather before they are folded.
MAX_ROWS = 500

# What each user counts towards, as `UserQuerySet` has it.
NAMES = """
    SELECT 'existing' AS name, {sign} AS change FROM {rows} WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
    UNION ALL SELECT 'inactive', {sign} FROM {rows} WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', {sign} FROM {rows} WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT 'service', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_service
"""
ROLE_NAMES = f"SELECT '{ROLE_COUNTER_PREFIX}' || role_id AS name, {{sign}} AS change FROM {{rows}}"  # noqa: S608 (constants)  # nosec B608
ADD = """
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM ({rows}) AS changes GROUP BY name HAVING sum(change) <> 0
"""
#: Written out: each list asks, and putting it together would take longer than its answer.
COUNTER_SQL = "SELECT coalesce(sum(change), 0) FROM user_counts WHERE name = %s"
IS_OTHER = " OR ".join(
    f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in ("is_active", "locked_at", "deleted_at", "is_service")
)


def is_supported() -> bool:
    """Whether this database keeps count."""
    return connection.vendor == "postgresql"


def read_counter(name: str) -> int:
    """How many users there are that are `existing`, `active`, `inactive`, `locked` or `service`, or in a role."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTER_SQL, [name])
        return int(cursor.fetchone()[0])


def read_counters(names: Iterable[str]) -> dict[str, int]:
    """The same for several."""
    found = UserCount.objects.filter(name__in=names).values_list("name").annotate(sum=Sum("change"))
    return dict.fromkeys(names, 0) | dict(found)


def role_counter(role_id: int) -> str:
    """The name of a role's number of users."""
    return f"{ROLE_COUNTER_PREFIX}{role_id}"


def compact() -> None:
    """Put the rows of each number into one, if they have become many."""
    if UserCount.objects.count() > MAX_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH gone AS (DELETE FROM user_counts RETURNING name, change) "
                "INSERT INTO user_counts (name, change) SELECT name, sum(change) FROM gone GROUP BY name"
            )


def install() -> list[str]:
    """PostgreSQL's statements that make the triggers and count what is there."""
    statements = []
    for table, names in (("users", NAMES), ("user_roles", ROLE_NAMES)):
        for verb, sign, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
            body = ADD.format(rows=names.format(sign=sign, rows="changed"))
            how = f"REFERENCING {image} TABLE AS changed FOR EACH STATEMENT"
            statements += _trigger(table, verb, how, body)
        statements.append(ADD.format(rows=names.format(sign=1, rows=table)))
    images = (NAMES.format(sign=sign, rows=f"(SELECT {row}.*) AS image") for sign, row in ((-1, "OLD"), (1, "NEW")))
    # Most updates, such as of the last login, change no number.
    how = f"FOR EACH ROW WHEN ({IS_OTHER})"
    return [*statements, *_trigger("users", "UPDATE", how, ADD.format(rows=" UNION ALL ".join(images)))]


def remove() -> list[str]:
    """The statements that take the triggers away."""
    functions = [_name(table, verb) for table in ("users", "user_roles") for verb in ("INSERT", "DELETE")]
    return [f"DROP FUNCTION {name}() CASCADE" for name in (*functions, _name("users", "UPDATE"))]


def _trigger(table: str, verb: str, how: str, body: str) -> list[str]:
    name = _name(table, verb)
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} {how} EXECUTE FUNCTION {name}()",
    ]


def _name(table: str, verb: str) -> str:
    return f"{table}_count_{verb.lower()}"
