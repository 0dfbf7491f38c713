"""A database of commit e89fd8f, made by its code, goes on with this version after one command: `manage.py migrate`."""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
from django.db import connection

from reprotech.tests.support.command_runner import stored_installation

pytestmark = pytest.mark.slow

#: Each process takes a second to start.
GO_ON = """
from django.core.management import call_command
call_command("verify_audit")
call_command("users", "lock", "zoe.long")
call_command("seal_audit")
call_command("verify_audit")
"""
SIGN_IN = """
from django.test import Client
for name, password in (("admin", "Admin-Horse-7"), ("mira", "Lab-Notebook-42"), ("mira", "Lab-Notebook-43")):
    body = {"username": name, "password": password}
    print(Client().post("/api/auth/login", body, content_type="application/json", secure=True).status_code)
"""
KEPT = """
from accounts.models import *
zoe = User.objects.get(username="zoe.long")
print([zoe.first_name, zoe.email], *FormerUsername.objects.values_list("name", "user__username"))
print(ApiKey.objects.get().created_by, User.objects.get(username="mira").locked_at)
"""


@pytest.fixture(scope="module")
def upgraded(stack, tmp_path_factory):
    """The stored installation after the one command."""
    stored = stored_installation(stack, tmp_path_factory.mktemp("stored"))
    stored.do("migrate", "--verbosity=0")
    return stored


def test_the_log_is_as_it_was_and_goes_on(upgraded):
    before, *_, after = upgraded.do("shell", "--verbosity=0", "-c", GO_ON).splitlines()
    assert re.match(r"12 events were verified .*: none was changed, removed, inserted or moved", before)
    assert re.match(r"17 events were verified .*: none was changed, removed, inserted or moved", after)


def test_people_sign_in_and_nothing_of_theirs_is_lost(upgraded):
    said = upgraded.do("shell", "--verbosity=0", "-c", SIGN_IN + KEPT, EMAIL_URL="memorymail://").splitlines()
    assert [line for line in said if line.isdigit()] == ["200", "200", "401"]
    expected = ["['Zoë', 'zoe@xn--bcher-kva.example'] ('zoe', 'zoe.long')", "admin None"]
    assert [line for line in said if line in expected] == expected


def test_its_tables_are_those_of_a_new_database(db, stack, upgraded):
    if stack == "sqlite":
        with closing(sqlite3.connect(upgraded.database)) as database:
            assert tables(database.execute) == tables(connection.cursor().execute)
        return
    test_database = f"{upgraded.environment['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    assert schema(upgraded, upgraded.environment["DATABASE_URL"]) == schema(upgraded, test_database)


def tables(execute):
    """What SQLite says of each table, index and trigger."""
    return sorted(execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall())


def schema(installation, url):
    """What pg_dump says, however functions are laid out. Lines with a backslash are random."""
    program = shutil.which("pg_dump", path=installation.environment["PATH"])
    command = [program, "--schema-only", "--no-owner", "--no-privileges", url]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    text = " ".join(line for line in said.splitlines() if not line.startswith(("--", "\\")))
    return re.sub(r"\s*([();,])\s*", r"\1", re.sub(r"\s+", " ", text)).split(";")
