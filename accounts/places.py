"""Pages deep in the list of users, without walking all the way there. PostgreSQL alone has these.

Every STEP users a signpost says which user stands at that position of a sorted list. It is right for the moment when it
was put up; each change since then has left a move: who left which place in the order, or came to it. A position is that
of the signpost, corrected by the moves before it. So a page is exact, costs the same anywhere, and changes don't wait
for each other. Once there are many moves, the signposts of that order are put up anew.
"""

from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from django.db import connection, transaction

from accounts import counts
from accounts.models import User, UserMove, UserSignpost
from accounts.querysets import UserQuerySet

STEP = 100
#: Pages before this position are reached by walking.
DEEP = 10_000
#: Moves after which signposts are put up anew, and after which walking is as good.
MANY_MOVES, TOO_MANY_MOVES = 2_000, 50_000
#: PostgreSQL's advisory lock that says who puts up signposts, or takes them down.
LOCK = 0x516E_7057
#: Statements that touch more users leave no moves: all signposts are taken down.
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """A column that the list can be sorted by: PostgreSQL's expression and the type of its values."""

    expression: str
    type: str = "text"
    is_nullable: bool = False

    def image(self, row: str) -> str:
        """The expression for a row of the name `row`."""
        return self.expression.format(row)


ORDERS = {
    "id": Order("{}.id", "bigint"),
    "username": Order("lower({}.username)"),
    "email": Order("lower({}.email)"),
    "first_name": Order("lower({}.first_name)"),
    "last_name": Order("lower({}.last_name)"),
    "is_active": Order("{}.is_active", "boolean"),
    "last_login": Order("{}.last_login", "timestamptz", is_nullable=True),
    "created_at": Order("{}.created_at", "timestamptz"),
    "updated_at": Order("{}.updated_at", "timestamptz"),
}

FIND = """
    SELECT post.position + coalesce((
            SELECT sum(move.change) FROM user_moves AS move WHERE move.sort = '{name}' AND ({before})
        ), 0), post.key, post.user_id
    FROM user_signposts AS post
    WHERE post.sort = '{sort}'
        AND post.position <= $1::bigint - (SELECT count(*) FROM user_moves WHERE sort = '{name}')
    ORDER BY post.position DESC LIMIT 1
"""
# One statement, so that all of it sees the same users and moves: what it doesn't see leaves its moves.
PUT_UP = """
    WITH old_moves AS (DELETE FROM user_moves WHERE sort = %(name)s),
        old_posts AS (DELETE FROM user_signposts WHERE sort IN (%(name)s, '-' || %(name)s))
    INSERT INTO user_signposts (sort, position, user_id, key)
    SELECT sort, position, id, key::text FROM (
        SELECT %(name)s AS sort, id, {key} AS key, row_number() OVER (ORDER BY {key} NULLS LAST, id) AS position
        FROM users AS image WHERE deleted_at IS NULL
        UNION ALL
        SELECT '-' || %(name)s, id, {key}, row_number() OVER (ORDER BY {key} DESC NULLS LAST, id)
        FROM users AS image WHERE deleted_at IS NULL
    ) AS numbered WHERE position %% %(step)s = 0
"""


def page_of(users: UserQuerySet, sort: str, first: int, count: int) -> list[User] | None:
    """The `count` existing users from the position `first` (0 for the first of all) of the list sorted by `sort`.

    None when walking there is as good.
    """
    ids = ids_of(sort, first, count)
    if ids is None:
        return None
    found = {user.pk: user for user in users.filter(pk__in=ids)}
    return [found[user_id] for user_id in ids if user_id in found]


def ids_of(sort: str, first: int, count: int) -> list[int] | None:
    """The ids of these users, in their order."""
    if first < DEEP or not counts.is_kept():
        return None
    post = _find(sort, first)
    if post is None:
        return None
    position, key, user_id = post
    skipped = first - position
    # One of a few numbers, so that there are few statements, which PostgreSQL prepares.
    most = max(2 * STEP, 1 << (skipped + count - 1).bit_length())
    rows = _rows_of(_parts_after(sort, most, has_key=key is not None), [user_id] if key is None else [user_id, key])
    # Each part is in order, and the parts have numbers: nothing else says which of them comes first.
    rows.sort(key=itemgetter(0))
    return [int(row[1]) for row in rows[skipped : skipped + count]]


def keep_up() -> None:
    """Put up the signposts that are missing, and those that many moves lie behind."""
    if not counts.is_kept() or counts.count_of("existing") <= DEEP:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT sort FROM user_signposts")
        there = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT sort, count(*) FROM user_moves GROUP BY sort")
        moves = dict(cursor.fetchall())
    for name in ORDERS:
        if name not in there or moves.get(name, 0) > MANY_MOVES:
            put_up(name)


def put_up(name: str) -> None:
    """Put up the signposts of one order, both ways, anew; nothing when another process is at it or takes them down."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if cursor.fetchone()[0]:
            statement = PUT_UP.format(key=ORDERS[name].image("image"))
            cursor.execute(statement, {"name": name, "step": STEP})


def take_down() -> None:
    """Forget all signposts and moves, as part of the present transaction: they tell names that users had."""
    if counts.is_kept():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            UserSignpost.objects.all().delete()
            UserMove.objects.all().delete()


def _find(sort: str, offset: int) -> tuple[int, str | None, int] | None:
    """The position up to a signpost, its key and its user; None without one, or with too many moves since."""
    found = _rows_of(_finding(sort), [offset])
    if not found or offset - int(found[0][0]) > TOO_MANY_MOVES:
        return None
    position, key, user_id = found[0]
    return int(position), None if key is None else key.decode(), int(user_id)


def _rows_of(statement: str, values: list[str | int]) -> list[Any]:
    backend: Any = connection
    rows: list[Any] = backend.rows_of(statement, values)
    return rows


@cache
def _finding(sort: str) -> str:
    name = sort.removeprefix("-")
    post, move = (f"{table}.key::{ORDERS[name].type}" for table in ("post", "move"))
    before = (
        f"{move} {'>' if sort.startswith('-') else '<'} {post} OR (post.key IS NULL AND move.key IS NOT NULL)"
        f" OR ({move} IS NOT DISTINCT FROM {post} AND move.user_id <= post.user_id)"
    )
    return FIND.format(name=name, sort=sort, before=before)


@cache
def _parts_after(sort: str, most: int, *, has_key: bool) -> str:
    """So many users, or fewer, of each part of what follows a signpost: the same key, the other keys, no key.

    An index serves each part.
    """
    order = ORDERS[sort.removeprefix("-")]
    key, sign, direction = order.image("users"), *(("<", "DESC") if sort.startswith("-") else (">", "ASC"))
    post = f"$2::{order.type}"
    # An index is read in its own order alone, also where all have the same key.
    by = f"{key} {direction}{' NULLS LAST' if order.is_nullable else ''}, id"
    parts = [f"{key} = {post} AND id > $1::bigint" if has_key else f"{key} IS NULL AND id > $1::bigint"]
    if has_key:
        parts.append(f"{key} {sign} {post}")
        if order.is_nullable:
            parts.append(f"{key} IS NULL")
    return " UNION ALL ".join(
        f"(SELECT {number}, id FROM users WHERE deleted_at IS NULL AND {condition} ORDER BY {by} LIMIT {most})"  # noqa: S608 (constants)  # nosec B608
        for number, condition in enumerate(parts)
    )


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
            IF (SELECT count(*) FROM touched) > {MOST_AT_ONCE} THEN
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
    values = f"'{name}', {change}, image.id, {ORDERS[name].image('image')}::text"
    rows = f"{rows} AS image WHERE image.deleted_at IS NULL"
    return f"INSERT INTO user_moves (sort, change, user_id, key) SELECT {values} FROM {rows};"  # noqa: S608  # nosec B608


def _trigger(verb: str, how: str, body: str) -> list[str]:
    name = f"users_place_{verb.lower()}"
    # Whatever form of dates a session prefers: keys are read by others.
    head = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET datestyle = 'ISO'"
    return [
        f"{head} AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {verb} ON users {how} EXECUTE FUNCTION {name}()",
    ]
