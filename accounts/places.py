"""Pages deep in the list of users, without walking all the way there. PostgreSQL alone has these.

Every STEP users a signpost says which user stands at that position of a sorted list. It is right for the moment when it
was put up; each change since then has left a move: who left which place in the order, or came to it. A position is that
of the signpost, corrected by the moves before it. So a page is exact, costs the same anywhere, and changes don't wait
for each other. Once there are many moves, the signposts of that order are put up anew.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from accounts import counts
from accounts.models import User, UserMove, UserSignpost
from accounts.querysets import UserQuerySet

STEP = 1_000
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
            SELECT sum(move.change) FROM user_moves AS move WHERE move.sort = %(name)s AND ({before})
        ), 0), post.key, post.user_id
    FROM user_signposts AS post
    WHERE post.sort = %(sort)s
        AND post.position <= %(offset)s - (SELECT count(*) FROM user_moves WHERE sort = %(name)s)
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


def page_of(users: UserQuerySet, expression: Any, sort: str, first: int, count: int) -> list[User] | None:
    """The `count` existing users from the position `first` (0 for the first of all) of the list sorted by `sort`.

    `expression` is what Django sorts by for the same. None when walking there is as good.
    """
    if first < DEEP or not counts.is_kept():
        return None
    post = _find(sort, first)
    if post is None:
        return None
    position, key, user_id = post
    keyed: Any = (
        users.prefetch_related(None)
        .order_by()
        .annotate(place=F(expression) if isinstance(expression, str) else expression)
    )
    wanted, skipped = first - position + count, first - position
    ids: list[int] = []
    for part in _parts_after(keyed, sort, key, user_id):
        ids += part.values_list("pk", flat=True)[: wanted - len(ids)]
        if len(ids) == wanted:
            break
    found = {user.pk: user for user in users.filter(pk__in=ids[skipped:])}
    return [found[user_id] for user_id in ids[skipped:] if user_id in found]


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


def _find(sort: str, offset: int) -> tuple[int, Any, int] | None:
    """The position up to a signpost, its key and its user; None without one, or with too many moves since."""
    name = sort.removeprefix("-")
    order = ORDERS[name]
    post, move = (f"{table}.key::{order.type}" for table in ("post", "move"))
    before = (
        f"{move} {'>' if sort.startswith('-') else '<'} {post} OR (post.key IS NULL AND move.key IS NOT NULL)"
        f" OR ({move} IS NOT DISTINCT FROM {post} AND move.user_id <= post.user_id)"
    )
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(before=before), {"name": name, "sort": sort, "offset": offset})
        found = cursor.fetchone()
    if found is None or offset - found[0] > TOO_MANY_MOVES:
        return None
    position, key, user_id = found
    return int(position), None if key is None else _value(name, key), user_id


def _value(name: str, text: str) -> Any:
    if name == "is_active":
        return text == "true"
    field: Any = User._meta.get_field(name)
    return field.to_python(text)


def _parts_after(keyed: Any, sort: str, key: Any, user_id: int) -> list[Any]:
    """What follows a signpost, in pieces that an index serves each: the same key, the other keys, no key."""
    same = keyed.filter(place__isnull=True) if key is None else keyed.filter(place=key)
    parts = [same.filter(pk__gt=user_id).order_by("pk")]
    if key is not None:
        is_down = sort.startswith("-")
        later = keyed.filter(Q(place__lt=key) if is_down else Q(place__gt=key))
        parts.append(later.order_by(F("place").desc() if is_down else F("place"), "pk"))
        if ORDERS[sort.removeprefix("-")].is_nullable:
            parts.append(keyed.filter(place__isnull=True).order_by("pk"))
    return parts


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
