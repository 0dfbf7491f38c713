"""A command that fails for a reason that its operator can mend says so in one sentence, not by a traceback."""

import os

import pytest
from django.db import Error, connection, transaction

from reprotech.management.command_errors import describe_error
from reprotech.testing.commands import manage

AWAY = "postgresql://me:Zq7@127.0.0.1:1/lab"


def run(*words, **variables):
    done = manage(*words, env=os.environ | variables)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.only_on("sqlite")  # both databases are away
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (AWAY, "The database can't be reached: "),
        ("sqlite:////proc/nowhere/lab.db", "The database /proc/nowhere/lab.db can't be used: unable to open"),
    ],
)
def test_a_database_that_is_away_is_one_sentence(url, reason):
    code, said = run("init_data", DATABASE_URL=url)
    assert (code, said.startswith(reason), said.count("\n")) == (1, True, 1), said
    assert "Zq7" not in said


@pytest.mark.only_on("sqlite")
def test_who_asks_for_the_traceback_gets_it():
    code, said = run("seal_audit", "--traceback", DATABASE_URL="sqlite:////proc/nowhere/lab.db")
    assert (code, "Traceback" in said) == (1, True)


def failure(statement):
    """What the database raises for it."""
    with pytest.raises(Error) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return raised.value


def test_missing_tables_are_said(db):
    assert describe_error(failure("SELECT * FROM nowhere")).endswith("Bring it up to date: manage.py migrate")


@pytest.mark.only_on("postgresql")
def test_missing_rights_are_said(db):
    error = failure("CREATE ROLE of_no_rights; SET LOCAL ROLE of_no_rights; TRUNCATE users")
    assert "Run the command as the owner of the tables" in describe_error(error)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied", "/etc/x"), "/etc/x: Permission denied."),
        (KeyboardInterrupt(), "Interrupted."),
        (ValueError("ours"), None),
    ],
)
def test_what_is_ours_to_mend_keeps_its_traceback(error, sentence):
    assert describe_error(error) == sentence


def test_a_wrong_statement_is_ours(db):
    assert describe_error(failure("INSERT INTO django_migrations (app) VALUES (NULL)")) is None
