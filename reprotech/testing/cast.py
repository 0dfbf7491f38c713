"""The named cast of the tests, and ways for them to call the API and the pages."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from django.db import connection, transaction

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import ROLES, SUPER_ADMIN
from accounts.models import Role, User
from accounts.users.default_data import load_default_data
from accounts.users.services import create_user
from audit.capture import triggers
from audit.models import AuditLog, CapturedChange
from audit.tracking.model_tracking import explicitly_recorded

PASSWORD = "Correct-Horse-7"
#: An id that nothing has.
NOBODY = 999_999_999


def make_user(username: str, *roles: str, **fields: Any) -> User:
    """Create a user with PASSWORD and roles (names or slugs)."""
    fields = {"email": f"{username}@lab.example", "password": PASSWORD, **fields}
    return create_user(actor=SYSTEM, username=username, roles=roles, **fields)


def give_role(role: Role, *users: User) -> None:
    """Give users a role for good, past the services."""
    for user in users:
        user.roles.add(role)


def take_role(role: Role, *users: User) -> None:
    for user in users:
        user.roles.remove(role)


def make_many_users(count: int, *, lately: bool = False) -> None:
    """So many users in seconds, on PostgreSQL: most are Viewers, a few hold another role, are inactive or locked.

    `lately`: all were made now, and those who never signed in were invited now.
    """
    columns = "username, email, password_hash, first_name, last_name, is_active, locked_at, last_login, created_at"
    with transaction.atomic(), triggers.suspended(), connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO users ({columns}, invited_at, updated_at, is_service, must_change_password, search_text)
            SELECT name, name || '@lab.example', '!', first, last, n %% 50 <> 0, CASE WHEN n %% 1000 = 1 THEN now() END,
                CASE WHEN n %% 3 = 0 THEN now() - n * interval '1 minute' END, now() - n * %s * interval '7 minutes',
                CASE WHEN %s AND n %% 3 <> 0 THEN now() END, now() - n * interval '5 minutes', false, false,
                name || E'\\n' || name || E'@lab.example\\n' || lower(first || ' ' || last)
            FROM (SELECT n, 'many-' || n AS name, 'First' || md5(n::text) AS first, 'Last' || md5((-n)::text) AS last
                FROM generate_series(1, %s) AS n) AS made""",  # noqa: S608 (constants alone)
            [0 if lately else 1, lately, count],
        )
        cursor.execute(
            """INSERT INTO user_roles (user_id, role_id) SELECT users.id, roles.id FROM users
            JOIN roles ON roles.slug = CASE WHEN users.id % 500 = 0 THEN 'manager' ELSE 'viewer' END
            WHERE users.username LIKE 'many-%'"""
        )
        cursor.execute("ANALYZE users")
        cursor.execute("ANALYZE user_roles")


@contextmanager
def indexed_afterwards(*tables: str) -> Iterator[None]:
    """Rows that the block inserts get into PostgreSQL's indexes together at its end, in a tenth of the time.

    Only inserts: an index made in the same transaction as updates without it isn't used there. Primary keys stay.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits to be checked forbids to change a table
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND schemaname = current_schema()"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)",
            [list(tables)],
        )
        indexes = dict(cursor.fetchall())
        cursor.execute(f"DROP INDEX {', '.join(indexes)}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for definition in indexes.values():
            cursor.execute(definition)
        for table in tables:
            cursor.execute(f"ANALYZE {table}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def pages_waiting(index: str) -> int:
    """How many pages waited to be sorted into a GIN index of PostgreSQL; none does afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list(%s)", [index])
        return int(cursor.fetchone()[0])


@dataclass
class Cast:
    """One user of each role, and one without any."""

    super_admin: User
    admin: User
    manager: User
    researcher: User
    veterinarian: User
    lab_technician: User
    viewer: User
    stranger: User

    def by_slug(self) -> dict[str, User]:
        """Everybody under the slug of their role; the one without a role is the `stranger`."""
        return vars(self)


def make_cast() -> Cast:
    """Load the default data and create everybody; nobody but the `super_admin` holds that role."""
    load_default_data()
    with explicitly_recorded():
        User.objects.get(username="admin").delete()
    users = {entry.slug: make_user(f"the-{entry.slug}", entry.slug) for entry in ROLES}
    assert SUPER_ADMIN in users
    stranger = make_user("the-stranger")
    CapturedChange.objects.all().delete()  # what a test seals is its own
    return Cast(**users, stranger=stranger)


def find_cast() -> Cast | None:
    """Everybody, if `make_cast` made them in this database."""
    users = {user.username: user for user in User.objects.all()}
    found = {slug: users.get(f"the-{slug}") for slug in Cast.__annotations__}
    return Cast(**found) if all(found.values()) else None


@contextmanager
def audit_rows() -> Iterator[list[AuditLog]]:
    """The audit rows that the block adds, oldest first; filled in when the block is left, also by an exception."""
    last = AuditLog.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    rows: list[AuditLog] = []
    try:
        yield rows
    finally:
        rows += AuditLog.objects.filter(pk__gt=last).order_by("pk")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads that start together, each with a connection of its own; what each returned or raised."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return call()
        except Exception as error:  # noqa: BLE001 (the test judges it)
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def eventually(question: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true, and return it; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return answer
