"""The named cast of the tests, and ways for them to call the API and the pages."""

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from threading import Barrier
from typing import Any

from django.db import connection, transaction
from django.test import Client
from psycopg import sql

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import ROLES, SUPER_ADMIN
from accounts.models import Permission, Role, Session, User
from accounts.sessions.services import Refreshed, issue_tokens, open_session
from accounts.users.default_data import load_default_data
from accounts.users.services import create_user
from audit.capture import triggers
from audit.models import AuditLog, CapturedChange
from audit.tracking.model_tracking import explicitly_recorded

PASSWORD = "Correct-Horse-7"
#: An id that nothing has.
NOBODY = 999_999_999


class Like:
    """Equal to every string that a pattern matches whole: for what differs from run to run."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"<like {self.pattern}>"


TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
TOKEN = Like(r"[\w-]+\.[\w-]+\.[\w-]+")
UUID = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REQUEST_ID = Like(r"[0-9a-f]{32}")


def error_of(response: Any) -> dict[str, Any]:
    """An error's body without its request id, which must be the one in the header."""
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response["X-Request-ID"] == REQUEST_ID
    return body


@dataclass
class Caller:
    """Someone who calls the API with a token, or without one."""

    user: User | None = None
    address: str = "192.0.2.10"
    user_agent: str = "lab-script/1.0"

    @cached_property
    def signed_in(self) -> Refreshed:
        """A session and its tokens, as a login would open it."""
        assert self.user is not None
        with explicitly_recorded(), transaction.atomic():
            session = open_session(user=self.user, kind=Session.Kind.TOKEN, lifetime=timedelta(days=1))
            return Refreshed(session, issue_tokens(session=session))

    @property
    def token(self) -> str:
        """The access token."""
        return self.signed_in.pair.access_token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; `body` is sent as JSON unless it is bytes."""
        if self.user is not None:
            headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.token}")
        content = body if isinstance(body, bytes) else json.dumps(body) if body is not None else b""
        extra: dict[str, Any] = {"REMOTE_ADDR": self.address, "HTTP_USER_AGENT": self.user_agent, **headers}
        content_type = extra.pop("CONTENT_TYPE", "application/json" if body is not None else "")
        client = Client(raise_request_exception=False)
        return client.generic(method, path, content, content_type=content_type, **extra)

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        """PUT."""
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        """DELETE."""
        return self.call("DELETE", path, **headers)


def make_user(username: str, *roles: str, **fields: Any) -> User:
    """Create a user with PASSWORD and roles (names or slugs)."""
    fields = {"email": f"{username}@lab.example", "password": PASSWORD, **fields}
    return create_user(actor=SYSTEM, username=username, roles=roles, **fields)


def make_many_users(count: int) -> None:
    """So many users in seconds, on PostgreSQL: most are Viewers, a few hold another role, are inactive or locked."""
    columns = "username, email, password_hash, first_name, last_name, is_active, locked_at, last_login, created_at"
    with transaction.atomic(), triggers.suspended(), connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO users ({columns}, updated_at, is_service, must_change_password, search_text)
            SELECT name, name || '@lab.example', '!', first, last, n %% 50 <> 0, CASE WHEN n %% 1000 = 1 THEN now() END,
                CASE WHEN n %% 3 = 0 THEN now() - n * interval '1 minute' END, now() - n * interval '7 minutes',
                now() - n * interval '5 minutes', false, false,
                name || E'\\n' || name || E'@lab.example\\n' || lower(first || ' ' || last)
            FROM (SELECT n, 'many-' || n AS name, 'First' || md5(n::text) AS first, 'Last' || md5((-n)::text) AS last
                FROM generate_series(1, %s) AS n) AS made""",  # noqa: S608 (constants alone)
            [count],
        )
        cursor.execute(
            """INSERT INTO user_roles (user_id, role_id) SELECT users.id, roles.id FROM users
            JOIN roles ON roles.slug = CASE WHEN users.id % 500 = 0 THEN 'manager' ELSE 'viewer' END
            WHERE users.username LIKE 'many-%'"""
        )
        cursor.execute("ANALYZE users")
        cursor.execute("ANALYZE user_roles")


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


#: Tables that every emptying of the database empties; only what is written from there on is whole.
OURS = {model._meta.db_table for model in (User, Role, Permission, Session, AuditLog)}


class SavedRows:
    """What `make` writes into empty tables. On PostgreSQL its rows are copied from the second time on."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._copies: dict[str, bytes] = {}

    def bring_back(self) -> None:
        """Write the rows."""
        if connection.vendor != "postgresql":
            self._make()
            return
        empty = {table for table in connection.introspection.table_names() if not has_rows(table)}
        if OURS - empty:
            self._make()
        elif self._copies:
            self._write()
        else:
            self._make()
            self._copies = {table: copied(table) for table in empty if has_rows(table)}

    def _write(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # The tables that triggers write to are among the copies.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table, rows in self._copies.items():
                with cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT BINARY)') as copy:
                    copy.write(rows)
                # A test that made demo data may have set it back.
                for sequence in connection.introspection.get_sequences(cursor, table):
                    name, column = sql.Literal(sequence["name"]), sql.Identifier(sequence["column"])
                    statement = sql.SQL(
                        "SELECT setval({name}, greatest((SELECT max({column}) FROM {table}), nextval({name})))"
                    )
                    cursor.execute(statement.format(name=name, column=column, table=sql.Identifier(table)))
            cursor.execute("SET LOCAL session_replication_role = origin")


def has_rows(table: str) -> bool:
    """Whether there are any."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
        return bool(cursor.fetchone()[0])


def copied(table: str) -> bytes:
    """All rows of a table."""
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT BINARY)') as copy:
        return b"".join(bytes(part) for part in copy)


def page_client(user: User) -> Client:
    """A browser without JavaScript in which `user` is signed in, through the sign-in page."""
    client = Client(raise_request_exception=False)
    response = client.post("/login", {"username": user.username, "password": PASSWORD})
    assert response.status_code == 302, response.content
    return client


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
