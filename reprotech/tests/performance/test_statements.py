"""Statements that are asked in one step find what a cursor finds, whatever happened to their connection."""

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from reprotech.db.postgresql import statements
from reprotech.db.postgresql.statements import MAX_PREPARED, PREPARE_AFTER_USES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'statement%'"
SESSION = "SELECT pg_backend_pid()"


@pytest.fixture(autouse=True)
def idle():
    """As at the beginning of a request: no connection in use."""
    connection.close()
    yield
    connection.close()


@pytest.fixture
def link():
    """A connection of a pool that has just begun."""
    connection.close_pool()
    connection.pool.open()
    taken = connection.pool.getconn()
    yield taken
    connection.pool.putconn(taken)


def ask_often(link, statement, values=()):
    for _ in range(PREPARE_AFTER_USES):
        statements.execute(link, statement, values)
    return statements.execute(link, statement, values)


def number_of_prepared(link):
    return link.execute(PREPARED).fetchone()[0]


@pytest.mark.parametrize("uses", [1, PREPARE_AFTER_USES + 2])
def test_rows_are_those_of_a_cursor(uses):
    statement = "SELECT $1::bigint + 1, $2::text, NULL, 'ä $3 % %s', now() > $3::timestamptz"
    values = [41, "O'Neill", None]
    for _ in range(uses):
        quick = connection.fetch_all(statement, values)
        assert connection.connection is None
    with transaction.atomic():
        assert connection.fetch_all(statement, values) == quick
    assert quick == [(b"42", b"O'Neill", None, "ä $3 % %s".encode(), None)]


def test_a_transaction_sees_its_own_changes():
    statement = "SELECT name FROM roles WHERE slug = 'in_between'"
    with transaction.atomic():
        Role.objects.create(name="In between", slug="in_between")
        assert connection.fetch_all(statement) == [(b"In between",)]
        transaction.set_rollback(True)
    connection.close()
    assert connection.fetch_all(statement) == []


def test_a_statement_that_is_wrong_raises_what_a_cursor_raises():
    with pytest.raises(ProgrammingError, match="there_is_none"):
        connection.fetch_all("SELECT 1 FROM there_is_none")


def test_it_counts_as_a_query():
    with CaptureQueriesContext(connection) as queries:
        connection.fetch_all("SELECT 7")
    assert [query["sql"] for query in queries] == ["SELECT 7"]


def test_what_comes_often_is_prepared_and_the_oldest_let_go(link):
    assert ask_often(link, "SELECT 1") == [(b"1",)]
    assert number_of_prepared(link) == 1
    for number in range(MAX_PREPARED + 5):
        ask_often(link, f"SELECT {number}")
    assert number_of_prepared(link) == MAX_PREPARED


def test_what_comes_once_is_not_prepared(link):
    statements.execute(link, "SELECT 'once'", ())
    assert number_of_prepared(link) == 0


def test_a_connection_that_forgot_its_statements_prepares_them_again(link):
    statement = "SELECT $1::int"
    ask_often(link, statement, [1])
    link.execute("DEALLOCATE ALL")  # as psycopg does after a rollback
    assert statements.execute(link, statement, [2]) is None
    assert statements.execute(link, statement, [3]) == [(b"3",)]
    assert number_of_prepared(link) == 1


def test_who_meets_a_connection_that_forgot_gets_the_rows_all_the_same():
    statement = "SELECT $1::int"
    for _ in range(PREPARE_AFTER_USES + 1):
        connection.fetch_all(statement, [1])
    for _ in range(connection.pool.get_stats()["pool_size"]):
        with connection.pool.connection() as each:
            each.execute("DEALLOCATE ALL")
    assert [connection.fetch_all(statement, [number]) for number in (2, 3)] == [[(b"2",)], [(b"3",)]]


def test_a_connection_that_was_ended_meanwhile_is_replaced(link):
    [(session,)] = connection.fetch_all(SESSION)
    link.execute("SELECT pg_terminate_backend(%s, 10000)", [int(session)])
    [(another,)] = connection.fetch_all(SESSION)
    assert another != session


def test_a_connection_that_is_lost_meanwhile_fails_and_the_next_works():
    with pytest.raises(OperationalError):
        connection.fetch_all("SELECT pg_terminate_backend(pg_backend_pid(), 10000)")
    assert connection.fetch_all("SELECT 1") == [(b"1",)]
