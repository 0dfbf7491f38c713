"""Pages deep in the list of users, without walking all the way there. PostgreSQL alone has these.

Every STEP users a signpost says which user stands at that position of a sorted list. It is right for the moment when it
was put up; each change since then has left a move: who left which place in the order, or came to it. A position is that
of the signpost, corrected by the moves before it. So a page is exact, costs the same anywhere, and changes don't wait
for each other. Once there are many moves, the signposts of that order are put up anew.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from accounts.models import User, UserMove, UserSignpost
from accounts.models.querysets import UserQuerySet
from accounts.user_list import counters as user_list_counters

STEP = 100
#: Pages before this position are reached by walking.
MIN_POSITION = 10_000
#: Moves after which signposts are put up anew. Each sign-in leaves two, and moments are sorted in a fifth of the time.
MAX_DELTAS, MAX_TIMESTAMP_DELTAS = 2_000, 500
#: PostgreSQL's advisory lock that says who puts up signposts, or takes them down.
LOCK = 0x516E_7057
#: Statements that touch more users leave no moves: all signposts are taken down.
MAX_TRACKED_ROWS = 1_000
#: Statements that are remembered: of each sort, page size and reach.
MAX_CACHED_STATEMENTS = 500


@dataclass(frozen=True, slots=True)
class Order:
    """A column that the list can be sorted by: PostgreSQL's expression and the type of its values.

    Keys are kept as `text`. `mark` is the expression for a kept key by which it is compared with others.
    """

    expression: str
    type: str = "text"
    text: str = "{}::text"
    mark: str = "{}"
    is_nullable: bool = False

    def image(self, row: str) -> str:
        """The expression for a row of the name `row`."""
        return self.expression.format(row)

    @property
    def many_moves(self) -> int:
        """After how many moves its signposts are put up anew."""
        return MAX_DELTAS


@dataclass(frozen=True, slots=True)
class TimestampOrder(Order):
    """A column of moments, which are kept as text of the same order: to read them as moments would take longer."""

    type: str = "timestamptz"
    text: str = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US\"+00\"')"
    mark: str = '{} COLLATE "C"'

    @property
    def many_moves(self) -> int:
        """They change most often."""
        return MAX_TIMESTAMP_DELTAS


ORDERS = {
    "id": Order("{}.id", "bigint", mark="{}::bigint"),
    "username": Order("lower({}.username)"),
    "email": Order("lower({}.email)"),
    "first_name": Order("lower({}.first_name)"),
    "last_name": Order("lower({}.last_name)"),
    "is_active": Order("{}.is_active", "boolean"),
    "last_login": TimestampOrder("{}.last_login", is_nullable=True),
    "created_at": TimestampOrder("{}.created_at"),
    "updated_at": TimestampOrder("{}.updated_at"),
}

#: How many users after a signpost are read: as far as it may be away.
MIN_SCAN_ROWS, MAX_SCAN_ROWS = 128, 65_536

# The last signpost before a position, and how many users there are up to it by now.
ANCHOR = """(
            SELECT post.*, position + coalesce((
                SELECT sum(moves.change) FROM moves WHERE moves.mark {before} post.mark
                    OR (post.mark IS NULL AND moves.mark IS NOT NULL)
                    OR (moves.mark IS NOT DISTINCT FROM post.mark AND moves.user_id <= post.user_id)
            ), 0) AS place
            FROM (
                SELECT position, user_id, key::{type} AS key, {mark} AS mark FROM user_signposts
                WHERE sort = '{sort}' AND position <= {position} ORDER BY position DESC LIMIT 1
            ) AS post
        )"""
# No more users can have come before a signpost than came at all: this one is safe to begin from, but may be far away.
SAFE = "$1::bigint - (SELECT count(*) FROM moves WHERE change > 0)"
# Most likely as many came and went before the signpost that is sought. Where it lies too far, there is the safe one.
NEAR = "$1::bigint - (SELECT place - position FROM safe)"
# What follows a signpost comes in parts, each from an index: the same key, the other keys, no key. Of these no more is
# read than lacks for the page; how many that are PostgreSQL can't know when it plans, so it is told how far it may be.
PAGE_SQL = """
    WITH moves AS MATERIALIZED (
            SELECT change, user_id, {mark} AS mark FROM user_moves WHERE sort = '{name}'
        ),
        safe AS MATERIALIZED {safe},
        near AS MATERIALIZED {near},
        post AS MATERIALIZED (
            SELECT * FROM (SELECT * FROM safe UNION ALL SELECT * FROM near) AS posts WHERE place <= $1::bigint
            ORDER BY place DESC LIMIT 1
        ),
        skipped (users) AS MATERIALIZED (SELECT $1::bigint - place FROM post),
        {parts},
        page AS (
            SELECT user_id, part, key FROM ({following}) AS following ORDER BY part, key {direction}, user_id
            OFFSET (SELECT users FROM skipped) LIMIT {count}
        ),
        shown AS ({shown})
    SELECT skipped.users, shown.* FROM skipped LEFT JOIN (page JOIN shown USING (user_id)) ON true
    ORDER BY part, key {direction}, user_id
"""
PARTS = {
    "same": "{key} = (SELECT key FROM post) AND id > (SELECT user_id FROM post)",
    "others": "{key} {after} (SELECT key FROM post)",
    "without": "{key} IS NULL AND id > (SELECT CASE WHEN key IS NULL THEN user_id ELSE 0 END FROM post)",
}
PART = """{part} AS MATERIALIZED (
            SELECT user_id, {number} AS part, key FROM (
                SELECT id AS user_id, {key} AS key FROM users WHERE deleted_at IS NULL AND {condition}
                ORDER BY {key} {direction}{nulls}, id LIMIT {reach}
            ) AS ahead ORDER BY {order} LIMIT (SELECT users + {count}{read} FROM skipped)
        )"""
READ = " - (SELECT count(*) FROM {part})"
FOLLOWING = "SELECT user_id, part, key FROM {part}"
# One statement, so that all of it sees the same users and moves: what it doesn't see leaves its moves.
REBUILD_SQL = """
    WITH old_moves AS (DELETE FROM user_moves WHERE sort = %(name)s),
        old_posts AS (DELETE FROM user_signposts WHERE sort IN (%(name)s, '-' || %(name)s))
    INSERT INTO user_signposts (sort, position, user_id, key)
    SELECT sort, position, id, {text} FROM (
        SELECT %(name)s AS sort, id, {key} AS key, row_number() OVER (ORDER BY {key} NULLS LAST, id) AS position
        FROM users AS image WHERE deleted_at IS NULL
        UNION ALL
        SELECT '-' || %(name)s, id, {key}, row_number() OVER (ORDER BY {key} DESC NULLS LAST, id)
        FROM users AS image WHERE deleted_at IS NULL
    ) AS numbered WHERE position %% %(step)s = 0
"""


def users_at(users: UserQuerySet, sort: str, first: int, count: int) -> list[User] | None:
    """The `count` existing users from the position `first` (0 for the first of all) of the list sorted by `sort`.

    None when walking there is as good.
    """
    rows = rows_at(sort, first, count, shown="SELECT user_id FROM page")
    if rows is None:
        return None
    ids = [int(user_id) for (user_id,) in rows if user_id]
    found = {user.pk: user for user in users.filter(pk__in=ids)}
    return [found[user_id] for user_id in ids if user_id in found]


def rows_at(sort: str, first: int, count: int, shown: str) -> list[Any] | None:
    """What the statement `shown` tells of these users, in their order, as PostgreSQL's text.

    It reads their ids from `page`, which has them as `user_id`, as its own first column has. Where there are no users,
    one row holds nothing. None when walking there is as good.
    """
    if first < MIN_POSITION or not user_list_counters.is_supported():
        return None
    backend: Any = connection
    reach = _scan_rows.get(sort, MIN_SCAN_ROWS)
    while True:
        rows = backend.fetch_all(_page_statement(sort, reach, count, shown), [first])
        if not rows:
            return None  # there is no signpost
        needed = int(rows[0][0]) + count
        if needed > MAX_SCAN_ROWS:
            return None
        if needed > reach or needed < reach // 4:
            # A power of two: each is a statement of its own, which PostgreSQL prepares.
            _scan_rows[sort] = max(MIN_SCAN_ROWS, 1 << (needed - 1).bit_length())
        if needed <= reach:
            return [row[1:] for row in rows]
        reach = _scan_rows[sort]


def refresh() -> None:
    """Put up the signposts that are missing, and those that many moves lie behind; a short list needs none."""
    if not user_list_counters.is_supported():
        return
    if user_list_counters.read_counter("existing") <= MIN_POSITION:
        if UserMove.objects.count() > MAX_DELTAS:
            with transaction.atomic():
                drop()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT sort FROM user_signposts")
        there = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT sort, count(*) FROM user_moves GROUP BY sort")
        moves = dict(cursor.fetchall())
    for name, order in ORDERS.items():
        if name not in there or moves.get(name, 0) > order.many_moves:
            rebuild(name)


def rebuild(name: str) -> None:
    """Put up the signposts of one order, both ways, anew; nothing when another process is at it or takes them down."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if cursor.fetchone()[0]:
            statement = REBUILD_SQL.format(key=ORDERS[name].image("image"), text=ORDERS[name].text.format("key"))
            cursor.execute(statement, {"name": name, "step": STEP})


def drop() -> None:
    """Forget all signposts and moves, as part of the present transaction: they tell names that users had."""
    if user_list_counters.is_supported():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            UserSignpost.objects.all().delete()
            UserMove.objects.all().delete()


@lru_cache(maxsize=MAX_CACHED_STATEMENTS)
def _page_statement(sort: str, reach: int, count: int, shown: str) -> str:
    name = sort.removeprefix("-")
    order, key = ORDERS[name], ORDERS[name].image("users")
    before, after, direction = (">", "<", "DESC") if sort.startswith("-") else ("<", ">", "ASC")
    # An index is read in its own order alone, also where all have the same key.
    nulls = " NULLS LAST" if order.is_nullable else ""
    shape = {"key": key, "after": after, "direction": direction, "nulls": nulls, "reach": reach, "count": count}
    names = list(PARTS) if order.is_nullable else list(PARTS)[:-1]
    parts = [
        PART.format(
            part=part,
            number=number,
            order=f"key {direction}{nulls}, user_id" if part == "others" else "user_id",
            condition=PARTS[part].format(**shape),
            read="".join(READ.format(part=earlier) for earlier in names[:number]),
            **shape,
        )
        for number, part in enumerate(names)
    ]
    # Written anew, for a server of an earlier version may have put it up, with moments in another form.
    mark = order.mark.format(order.text.format(f"key::{order.type}"))
    post = {"sort": sort, "type": order.type, "mark": mark, "before": before}
    return PAGE_SQL.format(
        name=name,
        mark=order.mark.format("key"),
        safe=ANCHOR.format(position=SAFE, **post),
        near=ANCHOR.format(position=NEAR, **post),
        direction=direction,
        parts=", ".join(parts),
        following=" UNION ALL ".join(FOLLOWING.format(part=part) for part in names),
        count=count,
        shown=shown,
    )


#: How far each sort had to be read from a signpost last.
_scan_rows: dict[str, int] = {}


def install() -> list[str]:
    """The statements that make the triggers."""
    is_gone = "OLD.deleted_at IS DISTINCT FROM NEW.deleted_at"
    is_moved = {
        name: f"({order.image('OLD')} IS DISTINCT FROM {order.image('NEW')} OR {is_gone})"
        for name, order in ORDERS.items()
    }
    moves = (
        f"IF {condition} THEN {_leave(name, -1, '(SELECT OLD.*)')} {_leave(name, 1, '(SELECT NEW.*)')} END IF;"
        for name, condition in is_moved.items()
    )
    statements = _trigger("UPDATE", f"FOR EACH ROW WHEN ({' OR '.join(is_moved.values())})", " ".join(moves))
    for verb, change, image in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
        moves = (_leave(name, change, "touched") for name in ORDERS)
        body = f"""
            IF (SELECT count(*) FROM touched) > {MAX_TRACKED_ROWS} THEN
                PERFORM pg_advisory_xact_lock({LOCK});
                DELETE FROM user_signposts;
                DELETE FROM user_moves;
            ELSE
                {" ".join(moves)}
            END IF;"""  # noqa: S608 (constants)  # nosec B608
        statements += _trigger(verb, f"REFERENCING {image} TABLE AS touched FOR EACH STATEMENT", body)
    return statements


def remove() -> list[str]:
    """The statements that take the triggers away."""
    return [f"DROP FUNCTION users_place_{verb}() CASCADE" for verb in ("update", "insert", "delete")]


def _leave(name: str, change: int, rows: str) -> str:
    key = ORDERS[name].text.format(ORDERS[name].image("image"))
    values = f"'{name}', {change}, image.id, {key}"
    rows = f"{rows} AS image WHERE image.deleted_at IS NULL"
    return f"INSERT INTO user_moves (sort, change, user_id, key) SELECT {values} FROM {rows};"  # noqa: S608  # nosec B608


def _trigger(verb: str, how: str, body: str) -> list[str]:
    name = f"users_place_{verb.lower()}"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {verb} ON users {how} EXECUTE FUNCTION {name}()",
    ]
