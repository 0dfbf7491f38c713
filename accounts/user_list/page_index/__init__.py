"""Pages deep in the list of users at the cost of the first one, on PostgreSQL alone (docs/adr/0004-page-index.md).

Every STEP users an anchor (`UserSignpost`) says which user stands at that position of a sorted list. It is right for
the moment when it was stored; triggers log each later change as a rank delta (`UserMove`), +1 or -1 at a key. An
anchor's present position is its stored one plus the deltas that sort before it, so a page is exact and changes don't
wait for each other. Once there are many deltas, the anchors of that order are stored again.
"""

from typing import TYPE_CHECKING, cast

from django.db import connection, transaction

from accounts.models import User, UserMove, UserSignpost
from accounts.models.querysets import UserQuerySet
from accounts.user_list import counters
from accounts.user_list.page_index.orders import ORDERS, TimestampOrder
from accounts.user_list.page_index.statements import REBUILD_SQL, page_statement
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
