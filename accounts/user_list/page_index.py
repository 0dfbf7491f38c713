"""Pages deep in the list of users at the cost of the first one, on PostgreSQL alone (docs/adr/0004-page-index.md).

Every STEP users an anchor (`UserSignpost`) says which user stands at that position of a sorted list. It is right for
the moment when it was stored; triggers log each later change as a rank delta (`UserMove`), +1 or -1 at a key. An
anchor's present position is its stored one plus the deltas that sort before it, so a page is exact and changes don't
wait for each other. Once there are many deltas, the anchors of that order are stored again.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from django.db import connection, transaction

from accounts.models import User, UserMove, UserSignpost
from accounts.models.querysets import UserQuerySet
from accounts.user_list import counters
from reprotech.core.process_cache import process_cache
from reprotech.db.postgresql.statements import Row

if TYPE_CHECKING:
    from reprotech.db.postgresql.base import DatabaseWrapper

STEP = 100
#: Pages before this position are reached by OFFSET.
MIN_POSITION = 10_000
#: Deltas after which anchors are stored again. Each sign-in leaves two, and timestamps are sorted in a fifth of the
#: time.
MAX_DELTAS, MAX_TIMESTAMP_DELTAS = 2_000, 500
#: PostgreSQL's advisory lock for storing and dropping anchors.
LOCK = 0x516E_7057
#: How many users after an anchor are read at least, and at most.
MIN_SCAN_ROWS, MAX_SCAN_ROWS = 128, 65_536
#: Statements, of each sort, page size and number of scanned rows.
MAX_CACHED_STATEMENTS = 500

# The last anchor before a position, and its present position as its rank.
ANCHOR = """(
            SELECT anchor.*, position + coalesce((
                SELECT sum(deltas.change) FROM deltas WHERE deltas.comparison {before} anchor.comparison
                    OR (anchor.comparison IS NULL AND deltas.comparison IS NOT NULL)
                    OR (deltas.comparison IS NOT DISTINCT FROM anchor.comparison AND deltas.user_id <= anchor.user_id)
            ), 0) AS rank
            FROM (
                SELECT position, user_id, key::{type} AS key, {comparison} AS comparison FROM user_signposts
                WHERE sort = '{sort}' AND position <= {position} ORDER BY position DESC LIMIT 1
            ) AS anchor
        )"""
# No more users can have come before an anchor than came at all: this one is safe to begin from, but may be far away.
SAFE = "$1::bigint - (SELECT count(*) FROM deltas WHERE change > 0)"
# Most likely as many came and went before the anchor that is sought. Where it lies too far, there is the safe one.
NEAR = "$1::bigint - (SELECT rank - position FROM safe)"
# What follows an anchor comes in parts, each from an index: the same key, the other keys, no key. Of these no more is
# read than lacks for the page; how many that are PostgreSQL can't know when it plans, so it gets a limit.
PAGE_SQL = """
    WITH deltas AS MATERIALIZED (
            SELECT change, user_id, {comparison} AS comparison FROM user_moves WHERE sort = '{name}'
        ),
        safe AS MATERIALIZED {safe},
        near AS MATERIALIZED {near},
        anchor AS MATERIALIZED (
            SELECT * FROM (SELECT * FROM safe UNION ALL SELECT * FROM near) AS anchors WHERE rank <= $1::bigint
            ORDER BY rank DESC LIMIT 1
        ),
        skipped (users) AS MATERIALIZED (SELECT $1::bigint - rank FROM anchor),
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
    "same": "{key} = (SELECT key FROM anchor) AND id > (SELECT user_id FROM anchor)",
    "others": "{key} {after} (SELECT key FROM anchor)",
    "without": "{key} IS NULL AND id > (SELECT CASE WHEN key IS NULL THEN user_id ELSE 0 END FROM anchor)",
}
PART = """{part} AS MATERIALIZED (
            SELECT user_id, {number} AS part, key FROM (
                SELECT id AS user_id, {key} AS key FROM users WHERE deleted_at IS NULL AND {condition}
                ORDER BY {key} {direction}{nulls}, id LIMIT {scan_rows}
            ) AS ahead ORDER BY {order} LIMIT (SELECT users + {count}{read} FROM skipped)
        )"""
READ = " - (SELECT count(*) FROM {part})"
FOLLOWING = "SELECT user_id, part, key FROM {part}"
# One statement, so that all of it sees the same users and deltas: what it doesn't see leaves its deltas.
REBUILD_SQL = """
    WITH old_deltas AS (DELETE FROM user_moves WHERE sort = %(name)s),
        old_anchors AS (DELETE FROM user_signposts WHERE sort IN (%(name)s, '-' || %(name)s))
    INSERT INTO user_signposts (sort, position, user_id, key)
    SELECT sort, position, id, {text} FROM (
        SELECT %(name)s AS sort, id, {key} AS key, row_number() OVER (ORDER BY {key} NULLS LAST, id) AS position
        FROM users AS image WHERE deleted_at IS NULL
        UNION ALL
        SELECT '-' || %(name)s, id, {key}, row_number() OVER (ORDER BY {key} DESC NULLS LAST, id)
        FROM users AS image WHERE deleted_at IS NULL
    ) AS numbered WHERE position %% %(step)s = 0
"""


@dataclass(frozen=True, slots=True)
class Order:
    """A column that the list can be sorted by: PostgreSQL's expression and the type of its values.

    Keys are stored as `text`. `comparison` is the expression for a stored key by which it is compared with others.
    """

    expression: str
    type: str = "text"
    text: str = "{}::text"
    comparison: str = "{}"
    is_nullable: bool = False

    def key_of(self, row: str) -> str:
        """The expression for a row of the name `row`."""
        return self.expression.format(row)


@dataclass(frozen=True, slots=True)
class TimestampOrder(Order):
    """A column of timestamps, stored as text of the same order: to parse them would take longer."""

    type: str = "timestamptz"
    text: str = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US\"+00\"')"
    comparison: str = '{} COLLATE "C"'


ORDERS = {
    "id": Order("{}.id", "bigint", comparison="{}::bigint"),
    "username": Order("lower({}.username)"),
    "email": Order("lower({}.email)"),
    "first_name": Order("lower({}.first_name)"),
    "last_name": Order("lower({}.last_name)"),
    "is_active": Order("{}.is_active", "boolean"),
    "last_login": TimestampOrder("{}.last_login", is_nullable=True),
    "created_at": TimestampOrder("{}.created_at"),
    "updated_at": TimestampOrder("{}.updated_at"),
}


def users_at(users: UserQuerySet, sort: str, first: int, count: int) -> list[User] | None:
    """The `count` existing users from the position `first` (0 for the first of all) of the list sorted by `sort`.

    None when OFFSET is as good.
    """
    rows = rows_at(sort, first, count, shown="SELECT user_id FROM page")
    if rows is None:
        return None
    ids = [int(row[0]) for row in rows if row[0]]
    found = {user.pk: user for user in users.filter(pk__in=ids)}
    return [found[user_id] for user_id in ids if user_id in found]


def rows_at(sort: str, first: int, count: int, shown: str) -> list[Row] | None:
    """The rows of the statement `shown` for these users, in their order, as PostgreSQL's text.

    `shown` reads their ids from `page` (`user_id`), and has them as its own first column. Where there are no users, one
    row is empty. None when OFFSET is as good.
    """
    if first < MIN_POSITION or not counters.is_supported():
        return None
    backend = cast("DatabaseWrapper", connection)
    # How many had to be read last: most likely as many have to be now.
    scan_rows = process_cache.get(f"scan rows: {sort}", MIN_SCAN_ROWS)
    while True:
        rows = backend.fetch_all(page_statement(sort, scan_rows, count, shown), [first])
        if not rows:
            return None  # there is no anchor
        needed = int(rows[0][0] or 0) + count
        if needed > MAX_SCAN_ROWS:
            return None
        is_complete = needed <= scan_rows
        if not is_complete or needed < scan_rows // 4:
            # A power of two: each is a statement of its own, which PostgreSQL prepares.
            scan_rows = max(MIN_SCAN_ROWS, 1 << (needed - 1).bit_length())
            process_cache.set(f"scan rows: {sort}", scan_rows)
        if is_complete:
            return [row[1:] for row in rows]


def refresh() -> None:
    """Store the anchors that are missing, and those with many deltas; a short list needs none."""
    if not counters.is_supported():
        return
    if counters.read_counter("existing") <= MIN_POSITION:
        if UserMove.objects.count() > MAX_DELTAS:
            with transaction.atomic():
                drop()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT sort FROM user_signposts")
        stored = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT sort, count(*) FROM user_moves GROUP BY sort")
        deltas = dict(cursor.fetchall())
    for name, order in ORDERS.items():
        limit = MAX_TIMESTAMP_DELTAS if isinstance(order, TimestampOrder) else MAX_DELTAS
        if name not in stored or deltas.get(name, 0) > limit:
            rebuild(name)


def rebuild(name: str) -> None:
    """Store the anchors of one order again, both ways; nothing while another process stores or drops them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if cursor.fetchone()[0]:
            statement = REBUILD_SQL.format(key=ORDERS[name].key_of("image"), text=ORDERS[name].text.format("key"))
            cursor.execute(statement, {"name": name, "step": STEP})


def drop() -> None:
    """Delete all anchors and deltas, as part of the present transaction: they show names that users had."""
    if counters.is_supported():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            UserSignpost.objects.all().delete()
            UserMove.objects.all().delete()


@lru_cache(maxsize=MAX_CACHED_STATEMENTS)
def page_statement(sort: str, scan_rows: int, count: int, shown: str) -> str:
    name = sort.removeprefix("-")
    order, key = ORDERS[name], ORDERS[name].key_of("users")
    before, after, direction = (">", "<", "DESC") if sort.startswith("-") else ("<", ">", "ASC")
    # An index is read in its own order alone, also where all have the same key.
    nulls = " NULLS LAST" if order.is_nullable else ""
    shared = {
        "key": key,
        "after": after,
        "direction": direction,
        "nulls": nulls,
        "scan_rows": scan_rows,
        "count": count,
    }
    names = list(PARTS) if order.is_nullable else list(PARTS)[:-1]
    parts = [
        PART.format(
            part=part,
            number=number,
            order=f"key {direction}{nulls}, user_id" if part == "others" else "user_id",
            condition=PARTS[part].format(**shared),
            read="".join(READ.format(part=earlier) for earlier in names[:number]),
            **shared,
        )
        for number, part in enumerate(names)
    ]
    # Converted again, since a server of an earlier version may have stored timestamps in another form.
    comparison = order.comparison.format(order.text.format(f"key::{order.type}"))
    anchor = {"sort": sort, "type": order.type, "comparison": comparison, "before": before}
    return PAGE_SQL.format(
        name=name,
        comparison=order.comparison.format("key"),
        safe=ANCHOR.format(position=SAFE, **anchor),
        near=ANCHOR.format(position=NEAR, **anchor),
        direction=direction,
        parts=", ".join(parts),
        following=" UNION ALL ".join(FOLLOWING.format(part=part) for part in names),
        count=count,
        shown=shown,
    )
