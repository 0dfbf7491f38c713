"""PostgreSQL's triggers on users as the code expects them: statements to create and to drop them.

The migrations have their own text. A test compares both, so that a sort of the list, for one, isn't added without a
migration (docs/development/adding-a-migration.md).
"""

from accounts.models.querysets import ROLE_COUNTER_PREFIX
from accounts.user_list import page_index
from accounts.user_list.page_index import ORDERS

# What each user counts towards, as `UserQuerySet` has it.
COUNTED_USERS = """
    SELECT 'existing' AS name, {sign} AS change FROM {rows} WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', {sign} FROM {rows}
        WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
    UNION ALL SELECT 'inactive', {sign} FROM {rows} WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', {sign} FROM {rows} WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT period_state, {sign} FROM {rows} WHERE deleted_at IS NULL AND period_state <> ''
    UNION ALL SELECT 'service', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_service
    UNION ALL SELECT 'invited', {sign} FROM {rows}
        WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
        AND NOT is_service AND last_login IS NULL AND left(password_hash, 1) = '!'
    UNION ALL SELECT 'must_change_password', {sign} FROM {rows}
        WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
        AND must_change_password
    UNION ALL SELECT 'with_factor', {sign} FROM {rows}
        WHERE deleted_at IS NULL AND NOT is_service AND factor_kinds <> ''
"""
#: Where one of these changes, so may a number; most updates, such as of the last sign-in, change none.
COUNTED_VALUES = (
    *("{}.is_active", "{}.locked_at", "{}.deleted_at", "{}.is_service", "{}.must_change_password"),
    "{}.period_state",
    *("({}.last_login IS NULL)", "left({}.password_hash, 1)", "({}.factor_kinds = '')"),
)
COUNTED_ROLES = (
    f"SELECT '{ROLE_COUNTER_PREFIX}' || role_id AS name, {{sign}} AS change FROM {{rows}} WHERE NOT is_pending"  # noqa: S608 (constants)
)
ADD_COUNTS = """
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM ({rows}) AS changes GROUP BY name HAVING sum(change) <> 0
"""
ADD_DAYS = """
    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, {sign} AS created, 0 AS deleted FROM {rows}
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, {sign} FROM {rows} WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;
"""
#: Rows of one statement after which the page index is dropped.
MAX_TRACKED_ROWS = 1_000


def differs(*columns):
    return " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)


def trigger(table, name, verb, how, body):
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} {how} EXECUTE FUNCTION {name}()",
    ]


def images(template):
    """The statement for a row before its change, and for the same row after it."""
    return [template.format(sign=sign, rows=f"(SELECT {row}.*) AS image") for sign, row in ((-1, "OLD"), (1, "NEW"))]


def create_counters():
    statements = []
    for table, counted in (("users", COUNTED_USERS), ("user_roles", COUNTED_ROLES)):
        for verb, sign, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
            body = ADD_COUNTS.format(rows=counted.format(sign=sign, rows="changed")) + ";"
            how = f"REFERENCING {image} TABLE AS changed FOR EACH STATEMENT"
            statements += trigger(table, f"{table}_count_{verb.lower()}", verb, how, body)
    differences = (f"{value.format('OLD')} IS DISTINCT FROM {value.format('NEW')}" for value in COUNTED_VALUES)
    how = f"FOR EACH ROW WHEN ({' OR '.join(differences)})"
    body = ADD_COUNTS.format(rows=" UNION ALL ".join(images(COUNTED_USERS))) + ";"
    statements += trigger("users", "users_count_update", "UPDATE", how, body)
    how = f"FOR EACH ROW WHEN ({differs('role_id', 'is_pending')})"
    body = ADD_COUNTS.format(rows=" UNION ALL ".join(images(COUNTED_ROLES))) + ";"
    return statements + trigger("user_roles", "user_roles_count_update", "UPDATE", how, body)


def create_daily_counters():
    statements = []
    for verb, sign, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
        how = f"REFERENCING {image} TABLE AS changed FOR EACH STATEMENT"
        statements += trigger(
            "users", f"users_day_{verb.lower()}", verb, how, ADD_DAYS.format(sign=sign, rows="changed")
        )
    how = f"FOR EACH ROW WHEN ({differs('deleted_at', 'created_at')})"
    return statements + trigger("users", "users_day_update", "UPDATE", how, "".join(images(ADD_DAYS)))


def create_page_index():
    changed = {
        name: f"({order.key_of('OLD')} IS DISTINCT FROM {order.key_of('NEW')} OR {differs('deleted_at')})"
        for name, order in ORDERS.items()
    }
    deltas = (
        f"IF {condition} THEN {delta(name, -1, '(SELECT OLD.*)')} {delta(name, 1, '(SELECT NEW.*)')} END IF;"
        for name, condition in changed.items()
    )
    how = f"FOR EACH ROW WHEN ({' OR '.join(changed.values())})"
    statements = trigger("users", "users_place_update", "UPDATE", how, " ".join(deltas))
    for verb, change, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
        body = f"""
            IF (SELECT count(*) FROM touched) > {MAX_TRACKED_ROWS} THEN
                PERFORM pg_advisory_xact_lock({page_index.LOCK});
                DELETE FROM user_signposts;
                DELETE FROM user_moves;
            ELSE
                {" ".join(delta(name, change, "touched") for name in ORDERS)}
            END IF;"""  # noqa: S608 (constants)
        how = f"REFERENCING {image} TABLE AS touched FOR EACH STATEMENT"
        statements += trigger("users", f"users_place_{verb.lower()}", verb, how, body)
    return statements


def delta(name, change, rows):
    order = ORDERS[name]
    values = f"'{name}', {change}, image.id, {order.text.format(order.key_of('image'))}"
    rows = f"{rows} AS image WHERE image.deleted_at IS NULL"
    return f"INSERT INTO user_moves (sort, change, user_id, key) SELECT {values} FROM {rows};"  # noqa: S608 (constants)


def drop_all(*names):
    return [f"DROP FUNCTION {name}() CASCADE" for name in names]


VERBS = ("insert", "delete", "update")
#: By what they maintain: functions that give the statements to create and to drop the triggers.
TRIGGERS = {
    "numbers of users": (
        create_counters,
        lambda: drop_all(*(f"{table}_count_{verb}" for table in ("users", "user_roles") for verb in VERBS)),
    ),
    "page index": (create_page_index, lambda: drop_all(*(f"users_place_{verb}" for verb in VERBS))),
    "numbers of each day": (create_daily_counters, lambda: drop_all(*(f"users_day_{verb}" for verb in VERBS))),
}
