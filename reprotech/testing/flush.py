"""pytest plugin: how the tables are emptied after a test that has transactions of its own.

As Django's `flush`, with the triggers of the log out of the way, and without what takes most of its time: TRUNCATE
makes new files for 38 tables and 129 indexes (0.15 s of PostgreSQL's processor time), and the signal after it
(0.05 s) only fills tables that could have kept their rows.
"""

import re
from collections.abc import Callable, Iterator

import pytest

#: Their rows are about the code, and the same in every test.
KEPT = {"django_content_type", "auth_permission"}
#: From so many bytes in all tables on, TRUNCATE is quicker, and leaves no dead rows behind.
MAX_BYTES_TO_DELETE = 4 * 2**20
SIZE = "SELECT sum(pg_relation_size(quote_ident(name)::regclass)) FROM unnest(%s::text[]) AS name"
Flush = Callable[[list[str]], None]


@pytest.fixture(autouse=True, scope="session")
def quick_flush() -> Iterator[None]:
    """For all tests."""
    from django.core.management.commands import flush
    from django.db import connection

    from audit.capture import triggers

    flush_before = connection.ops.execute_sql_flush
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.ops, "execute_sql_flush", lambda statements: empty_tables(statements, flush_before))
        # A test may have dropped or altered some.
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: triggers.trigger_problems() and triggers.install())
        yield


def empty_tables(statements: list[str], flush: Flush) -> None:
    """Do what Django's statements for `flush` would, but for the tables that are kept."""
    from django.db import connection

    from audit.sealing.append_only_triggers import suspended

    if connection.vendor == "postgresql":
        # One statement; with RESTART IDENTITY where a test itself wants a new installation.
        tables = sorted({*re.findall(r'"(\w+)"', statements[0])} - KEPT)
        if "RESTART" not in statements[0] and size(tables) <= MAX_BYTES_TO_DELETE:
            delete_all(tables)
            return
        statements = [re.sub(r'".*"', ", ".join(f'"{table}"' for table in tables), statements[0])]
    with suspended():
        flush([statement for statement in statements if KEPT.isdisjoint(re.findall(r'"(\w+)"', statement))])


def size(tables: list[str]) -> int:
    """Of all of them, in bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(SIZE, [tables])
        return int(cursor.fetchone()[0])


def delete_all(tables: list[str]) -> None:
    """Delete all rows, without triggers and without looking for rows that refer to them."""
    from django.db import connection, transaction

    deletions = [f'DELETE FROM "{table}"' for table in tables]  # noqa: S608 (names of our tables)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("; ".join(deletions))
        cursor.execute("SET LOCAL session_replication_role = origin")  # a transaction around this one goes on
