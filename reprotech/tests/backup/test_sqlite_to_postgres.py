"""`manage.py migrate_sqlite_to_postgres`: a grown system moves, and its audit proofs stay what they were."""

import sqlite3
from contextlib import closing

import pytest

from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.sqlite_to_postgres import refuse_concurrent_writes
from reprotech.tests.support.command_runner import STORED_SECRETS, Installation, stored_installation

pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def grown(grown_sqlite, tmp_path):
    return Installation("sqlite", tmp_path / "old", like=grown_sqlite)


@pytest.fixture
def empty(tmp_path):
    """It has tables without rows, which is empty too, and saves the time to make them."""
    return Installation("postgresql", tmp_path / "new", migrated=True)


def test_everything_is_there_afterwards_and_the_log_is_proven_by_the_checkpoint_of_before(grown, tmp_path):
    empty = Installation("postgresql", tmp_path / "new")
    kept = tmp_path / "kept.txt"
    kept.write_text(grown.checkpoint())
    before = grown.database.read_bytes()
    said = empty.do("migrate_sqlite_to_postgres", grown.database)
    assert "Each table is the same on both sides." in said
    assert "users: 3 rows, checksum " in said
    assert grown.database.read_bytes() == before
    assert empty.do("users", "list") == grown.do("users", "list")
    assert empty.checkpoint() == grown.checkpoint()
    assert "none was changed" in empty.do("verify_audit", "--checkpoint", kept)
    # In the same test, as to move takes longest: a database that is not empty is left alone.
    people = empty.do("users", "list")
    code, said = empty.run("migrate_sqlite_to_postgres", grown.database)
    assert code == 1
    assert "Nothing was moved. The PostgreSQL database is not empty: " in said
    assert empty.do("users", "list") == people


def test_life_goes_on_afterwards(grown, empty):
    with closing(sqlite3.connect(grown.database)) as database, database:
        database.execute("UPDATE users SET first_name = 'Mary' WHERE username = 'mira'")
    empty.do("migrate_sqlite_to_postgres", grown.database)
    # What was not sealed yet is sealed now, by the codes that were written on SQLite; new rows get new ids. What the
    # database had captured there and an event accounts for is known here too: one event describes the rest.
    assert "Events sealed: 4. In all: 16." in empty.do("seal_audit")
    captured = "from audit.models import *; print(AuditLog.objects.get(details__source='database').details['columns'])"
    assert "['first_name']" in empty.do("shell", "-c", captured)
    empty.do("users", "create", "newcomer", "new@lab.example", "--role", "Viewer", "--password")
    empty.do("init_data")
    empty.do("seal_audit")
    assert "none was changed" in empty.do("verify_audit")
    code = (
        "from audit.models import *; from audit.presentation.event_text import *; "
        "print(*map(sentence, AuditLog.objects.all()))"
    )
    assert "system moved the database to PostgreSQL" in empty.do("shell", "-c", code)


def test_an_older_schema_is_brought_up_to_date_on_the_way(tmp_path):
    old = stored_installation("sqlite", tmp_path / "old")
    empty = Installation("postgresql", tmp_path / "new", **STORED_SECRETS)
    empty.do("migrate_sqlite_to_postgres", old.database)
    assert "none was changed" in empty.do("verify_audit")
    assert "4 users." in empty.do("users", "list")


def change(installation, statement):
    with closing(sqlite3.connect(installation.database)) as database, database:
        for trigger in ("audit_logs_no_update", "audit_leaves_no_update"):
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_logs SET username = 'nobody' WHERE id = 3", "audit log is damaged"),
        ("UPDATE users SET first_name = 'a' || char(0) || 'b'", "PostgreSQL refuses a row of users"),
        ("UPDATE users SET first_name = replace(hex(zeroblob(99)), '00', 'x')", "refuses a row of users"),
    ],
)
def test_what_can_not_be_moved_whole_is_not_moved_at_all(grown, empty, statement, reason):
    change(grown, statement)
    code, said = empty.run("migrate_sqlite_to_postgres", grown.database)
    assert code == 1
    assert reason in said
    assert empty.do("users", "list") == "0 users.\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUDIT_SIGNING_KEY", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="),
        ("SECRET_KEY", "of-the-new-server-" * 3),
    ],
)
def test_keys_that_were_not_carried_over_are_named(grown, empty, name, value):
    code, said = empty.run("migrate_sqlite_to_postgres", grown.database, **{name: value})
    assert (code, f"Nothing was moved. {name} is not the one of the SQLite database" in said) == (1, True), said
    assert "Take SECRET_KEY, JWT_SECRET_KEY and AUDIT_SIGNING_KEY over" in said
    assert "damaged" not in said
    if name == "SECRET_KEY":
        former = {"SECRET_KEY_FALLBACKS": grown.environment[name]}
        assert "is whole" in empty.do("migrate_sqlite_to_postgres", grown.database, **{name: value}, **former)


def test_it_takes_a_file_and_postgresql(grown, empty, tmp_path):
    code, said = grown.run("migrate_sqlite_to_postgres", grown.database)
    assert (code, "DATABASE_URL must name the PostgreSQL database" in said) == (1, True)
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"no database at all, " * 100)
    unwritable = "/proc/version"  # even root can't write beside it
    refused = {
        tmp_path / "nowhere": "There is no file",
        nonsense: "not a database",
        unwritable: "/proc can't be written",
    }
    for path, reason in refused.items():
        code, said = empty.run("migrate_sqlite_to_postgres", path)
        assert (code, reason in said) == (1, True), said


def test_what_was_written_meanwhile_is_noticed(grown, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_bytes(grown.database.read_bytes())
    refuse_concurrent_writes(grown.database, copy)
    grown.do("users", "lock", "mira")
    with pytest.raises(BackupFailed, match="The SQLite database was changed meanwhile"):
        refuse_concurrent_writes(grown.database, copy)
