"""The SQL of the page index."""

from functools import lru_cache

from accounts.user_list.page_index.orders import ORDERS

#: Of each sort, page size and number of scanned rows.
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
# read than lacks for the page; how many that are PostgreSQL can't know when it plans, so it is told a limit.
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
