"""PostgreSQL takes no changes, as a standby that nobody promoted: reading goes on, changes are told so, clearly."""

import os
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
import pytest
from django.db import InternalError, connection, transaction

from benchmarks.faults.http_client import Client
from reprotech.api.exception_handler import DEFAULT_ERRORS, is_database_unavailable
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import page_client
from reprotech.testing.plugin import start_server

# SQLite has no such mode.
pytestmark = pytest.mark.only_on("postgresql")
ADMIN = {"username": "admin", "password": "Admin123!"}


class Lab:
    """A server whose database can be made read-only while it runs."""

    def __init__(self, processes):
        self.server = start_server(processes, "postgresql")
        self.client = Client(int(self.server.env["PORT"]), timeout=60)
        self.token = self.ask("POST", "/api/auth/login", ADMIN).body["access_token"]

    def ask(self, method, path, body=None, token=None):
        return self.client.ask(method, path, body, token)

    def set_read_only(self, is_read_only):
        """For every connection from now on; those that there are break, as when a standby takes over."""
        name = urlsplit(self.server.env["DATABASE_URL"]).path[1:]
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(
                f'ALTER DATABASE "{name}" SET default_transaction_read_only = {"on" if is_read_only else "off"}'
            )
            # Within ten seconds: a request that meets a connection before its end is one of an outage.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )


def measured(server, name):
    with urlopen(f"{server.url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


@pytest.fixture
def lab(processes):
    lab = Lab(processes)
    yield lab
    processes.stop(lab.server.process)


def test_reading_goes_on_and_changes_are_told_that_they_are_not_taken(lab):
    lab.set_read_only(True)
    for path in ("/api/auth/me", "/api/users", "/api/audit-logs"):
        assert lab.ask("GET", path, token=lab.token).status == 200
    user = {"username": "newcomer", "email": "newcomer@lab.example", "password": PASSWORD, "roles": []}
    changes = [
        ("POST", "/api/auth/login", ADMIN, None),
        ("POST", "/api/auth/login", ADMIN | {"password": "wrong"}, None),
        ("POST", "/api/users", user, lab.token),
        ("POST", "/api/auth/logout", None, lab.token),
    ]
    for change in changes:
        answer = lab.ask(*change)
        assert (answer.status, answer.body["code"], answer.body["error"]) == (
            503,
            "unavailable",
            DEFAULT_ERRORS[503][0],
        )
    ready = lab.ask("GET", "/api/health/ready")
    assert (ready.status, ready.body) == (
        200,
        {"status": "ready", "problem": "The database is read-only: changes are refused."},
    )
    health = lab.ask("GET", "/api/health")
    assert (health.status, health.body["database"], health.body["cache"]) == (503, "read-only", "connected")
    assert measured(lab.server, "reprotech_database_up") == 1
    assert measured(lab.server, "reprotech_database_writable") == 0

    lab.set_read_only(False)
    assert lab.ask("POST", "/api/users", user, lab.token).status == 201
    assert lab.ask("GET", "/api/health/ready").body == {"status": "ready"}


def test_nobody_is_locked_out_by_right_passwords_that_could_not_be_taken(lab):
    lab.set_read_only(True)
    assert {lab.ask("POST", "/api/auth/login", ADMIN).status for _ in range(15)} == {503}
    lab.set_read_only(False)
    assert lab.ask("POST", "/api/auth/login", ADMIN).status == 200


def test_pages_are_shown_and_their_changes_get_the_page_of_an_outage(db, cast):
    client = page_client(cast.admin)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")  # until the end of this part
        for path in ("/", "/users", f"/users/{cast.viewer.pk}", "/audit", "/profile"):
            assert client.get(path).status_code == 200, path
        answer = client.post(f"/users/{cast.viewer.pk}/lock", {"reason": "left"})
        transaction.set_rollback(True)
    assert answer.status_code == 503
    assert "Reprotech is not available right now" in answer.content.decode()


def test_another_inner_error_of_the_database_is_no_outage():
    error = InternalError("tuple concurrently updated")
    error.__cause__ = psycopg.errors.InternalError_("tuple concurrently updated")
    assert not is_database_unavailable(error)
