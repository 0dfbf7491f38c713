"""Backups are made while people work, and what comes back is whole."""

import io
import re
import signal
import subprocess
import sys
import tarfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
import pyrage
import pytest
from django.db import connection
from pyrage import x25519

from audit.crypto.signed_note import Signer
from reprotech.backup.archive import FORMAT, write_archive
from reprotech.backup.scratch import DATABASE_NAME
from reprotech.core.key_material import new_seed
from reprotech.testing.plugin import ROOT
from reprotech.tests.support.command_runner import STORED_SECRETS, Installation, stored_installation

pytestmark = pytest.mark.slow

WRITER = """
import sys, time, django
django.setup()
from accounts.access.authorization import SYSTEM
from accounts.users.services import create_user
with open(sys.argv[1], "a", buffering=1) as done:
    for number in range(100_000):
        name = f"writer-{sys.argv[2]}-{number}"
        create_user(actor=SYSTEM, username=name, email=f"{name}@lab.example", is_service=True)
        done.write(f"{time.time()} {name}\\n")
"""
TOLD = """
from audit.models import AuditLog
created = AuditLog.objects.filter(action="create", resource_name__startswith="writer-")
print(*created.values_list("resource_name", flat=True))
"""

#: What is asked does not depend on the database; each of these commands takes a second or two to start.
of_the_archive = pytest.mark.only_on("sqlite")


@pytest.fixture(scope="module")
def key(stack, tmp_path_factory):
    directory = tmp_path_factory.mktemp("key")
    Installation("sqlite", directory).do("backup", "--new-key", directory / "key.txt")
    return directory / "key.txt"


@pytest.fixture(scope="module")
def recipient(key):
    return re.search(r"age1\w+", key.read_text())[0]


@pytest.fixture
def lab(stack, tmp_path, recipient, grown_lab):
    """A grown installation that is backed up for the key."""
    return Installation(stack, tmp_path / "lab", like=grown_lab, BACKUP_RECIPIENTS=recipient)


@pytest.fixture(scope="module")
def backup(stack, tmp_path_factory, recipient, grown_lab):
    """A backup of an installation like `lab`."""
    return backed_up(Installation(stack, tmp_path_factory.mktemp("lab"), like=grown_lab, BACKUP_RECIPIENTS=recipient))


@pytest.fixture
def empty(stack, tmp_path):
    """Another server, without a database."""
    return Installation(stack, tmp_path / "empty")


def backups(installation):
    return sorted((installation.directory / "backups").glob("*"))


def backed_up(installation, *options):
    installation.do("backup", *options)
    return backups(installation)[-1]


@pytest.fixture
def writers(lab, tmp_path):
    """Processes that create users without a pause, and seal; they note what was acknowledged, and when."""
    environment = {**lab.environment, "DJANGO_SETTINGS_MODULE": "reprotech.settings", "AUDIT_SEAL_SECONDS": "1"}
    log = tmp_path / "acknowledged"
    log.touch()
    commands = [[sys.executable, "-c", WRITER, log, str(number)] for number in range(2)]
    commands.append([sys.executable, ROOT / "manage.py", "audit_worker"])
    running = [subprocess.Popen(command, cwd=ROOT, env=environment) for command in commands]
    wait_for_lines(log, 20)
    yield Writers(log, running)
    stop(running)


class Writers(NamedTuple):
    log: Path
    running: list[subprocess.Popen]


def stop(running):
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        process.wait(30)


def wait_for_lines(log, more):
    """Until so many changes more were acknowledged."""
    wanted = len(log.read_text().splitlines()) + more
    until = time.monotonic() + 60
    while len(log.read_text().splitlines()) < wanted:
        assert time.monotonic() < until, "nobody writes"
        time.sleep(0.05)


def test_all_that_was_acknowledged_comes_back_from_a_backup_under_load(lab, empty, writers, key):
    backup = backed_up(lab)
    wait_for_lines(writers.log, 20)
    stop(writers.running)  # a restore beside them would take several times as long
    said = empty.do("restore", backup, "--identity", key)
    moment = datetime.fromisoformat(re.search(r"as of (\S+):", said)[1]).timestamp()
    acknowledged = [line.split() for line in writers.log.read_text().splitlines()]
    before = {name for when, name in acknowledged if float(when) <= moment}
    restored = set(re.findall(r"^writer-\d+-\d+", empty.do("users", "list"), re.MULTILINE))
    assert len(before) >= 20
    assert before <= restored
    assert len(restored) < len(acknowledged)  # they did write meanwhile
    assert "1 session was ended" in said
    # No change without its event, and no event without its change.
    told = empty.do("shell", "--verbosity=0", "-c", TOLD).split()
    assert set(told) == restored
    assert "none was changed" in empty.do("verify_audit")


@pytest.mark.quick
def test_it_is_restored_for_a_test_without_the_private_key_and_nothing_is_left_of_that(lab, stack):
    before = databases(lab, stack)
    assert "It was restored for a test, and its audit log verified." in lab.do("backup", "--verify")
    assert databases(lab, stack) == before
    (file,) = backups(lab)
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"mira" not in file.read_bytes()


def databases(lab, stack):
    """Of this installation. What SQLite has next to its file comes and goes, and others make databases meanwhile."""
    if stack == "sqlite":
        names = {path.name for path in lab.directory.iterdir() if not path.name.startswith(lab.database.name)}
        return names - {"backups", "logs"}
    with psycopg.connect(lab.environment["DATABASE_URL"]) as connection:
        ((oid,),) = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        pattern = DATABASE_NAME.format(database=oid, chance="")
        return set(connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [pattern]))


def test_a_log_that_was_changed_is_found_out_by_the_test_and_no_file_stays(lab):
    damage = (
        "from audit.sealing.append_only_triggers import suspended\nfrom audit.models import AuditLog\n"
        "with suspended(): AuditLog._base_manager.filter(pk=3).update(username='nobody')"
    )
    lab.do("shell", "--verbosity=0", "-c", damage)
    code, said = lab.run("backup", "--verify")
    assert code == 1
    assert "can't be restored" in said
    assert "The restored audit log is damaged" in said
    assert backups(lab) == []


def test_a_database_that_is_not_empty_is_left_alone(lab, backup, key):
    lab.do("users", "create", "later", "later@lab.example", "--service")
    code, said = lab.run("restore", backup, "--identity", key)
    assert (code, "is not empty" in said) == (1, True)
    assert "later" in lab.do("users", "list")


def forged(path, recipient, signer):
    """What somebody makes who can write to the place of the backups, and knows nothing but the public key."""
    manifest = {"format": FORMAT, "moment": "2031-06-15T02:17:00+00:00", "database": connection.vendor, "version": 1}
    with path.open("wb") as file:
        write_archive(
            file,
            manifest | {"migrations": [], "rows": {}},
            "JWT_SECRET_KEY=theirs\n",
            [b"CREATE TABLE theirs ();"],
            keys=[x25519.Recipient.from_str(recipient)],
            signer=signer,
        )
    return path


def is_empty(installation, stack):
    if stack == "sqlite":
        return not installation.database.exists()
    with psycopg.connect(installation.environment["DATABASE_URL"]) as connection:
        return connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_backup_that_somebody_made_who_has_the_public_key_alone_is_not_restored(
    stack, empty, key, recipient, tmp_path
):
    signer = Signer("lab.example/audit", new_seed())
    path = forged(tmp_path / "forged.age", recipient, signer)
    code, said = empty.run("restore", path, "--identity", key)
    assert (code, "which nothing here says is yours" in said, is_empty(empty, stack)) == (1, True, True)
    # Trusted by who doesn't look closely, it still has to be of this installation.
    code, said = empty.run("restore", path, "--identity", key, "--signed-by", signer.verifier)
    assert (code, "SECRET_KEY is not the one of the backup" in said, is_empty(empty, stack)) == (1, True, True)


def test_a_backup_without_a_signature_is_restored_only_by_who_says_so_and_with_a_warning(
    stack, backup, empty, key, tmp_path
):
    unsigned = tmp_path / backup.name
    unsigned.write_bytes(without_signature(backup, key))
    code, said = empty.run("restore", unsigned, "--identity", key)
    assert (code, "It has no signature" in said, "--accept-unsigned" in said) == (1, True, True)
    assert is_empty(empty, stack)
    absent = tmp_path / "anchors"  # as on a new server
    said = empty.do("restore", unsigned, "--identity", key, "--accept-unsigned", AUDIT_ANCHOR_FILE=str(absent))
    assert "Look at this: The backup had no signature" in said
    assert f"There is no {absent}, so the log wasn't compared" in said


def without_signature(backup, key):
    """The archive as older versions made it."""
    private = x25519.Identity.from_str(key.read_text().splitlines()[-1])
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(backup.read_bytes(), [private]))) as old,
        tarfile.open(fileobj=plain, mode="w") as new,
    ):
        for member in old:
            if member.name != "signature.txt":
                new.addfile(member, old.extractfile(member))
    return pyrage.encrypt(plain.getvalue(), [private.to_public()])


@of_the_archive
def test_without_an_audit_key_no_backup_is_made_that_nobody_could_restore(lab):
    code, said = lab.run("backup", AUDIT_SIGNING_KEY="", DEBUG="true")
    assert (code, "AUDIT_SIGNING_KEY is not set. It signs backups" in said) == (1, True)


@of_the_archive
def test_whoever_has_another_key_gets_nothing(backup, empty, tmp_path):
    empty.do("backup", "--new-key", tmp_path / "other.txt")
    code, said = empty.run("restore", backup, "--identity", tmp_path / "other.txt")
    assert (code, "was encrypted for another key" in said) == (1, True)
    half = tmp_path / "half.age"
    half.write_bytes(backup.read_bytes()[:-1000])
    for path in (half, tmp_path / "nowhere", tmp_path / "other.txt"):
        code, said = empty.run("restore", path, "--identity", tmp_path / "other.txt")
        assert (code, "CommandError: " in said) == (1, True)


def test_half_a_backup_leaves_the_database_empty(backup, empty, key, tmp_path):
    half = tmp_path / "half.age"
    half.write_bytes(backup.read_bytes()[:-70_000])
    code, said = empty.run("restore", half, "--identity", key)
    assert code == 1
    assert "half.age can't be read" in said
    assert "[X]" not in empty.do("showmigrations", "accounts")


@pytest.mark.only_on("postgresql")  # where migrating matters most: it takes long enough
def test_a_backup_of_an_earlier_version_is_brought_up_to_date(stack, recipient, key, tmp_path):
    old = stored_installation(stack, tmp_path / "old", BACKUP_RECIPIENTS=recipient)
    empty = Installation(stack, tmp_path / "empty", **STORED_SECRETS)
    empty.do("restore", backed_up(old), "--identity", key)
    assert re.findall(r"^[\w.-]+", empty.do("users", "list"), re.MULTILINE) == [
        "admin",
        "mira",
        "robot",
        "zoe.long",
        "4",
    ]
    assert "none was changed" in empty.do("verify_audit")
    assert "[ ]" not in empty.do("showmigrations")


def test_a_backup_of_a_later_version_is_refused(lab, empty, key):
    future = "from django.db.migrations.recorder import MigrationRecorder as R\nfrom django.db import connection\n"
    lab.do("shell", "--verbosity=0", "-c", f"{future}R(connection).record_applied('accounts', '9999_future')")
    code, said = empty.run("restore", backed_up(lab), "--identity", key)
    assert (code, "A newer version of Reprotech made it" in said) == (1, True)


@of_the_archive
def test_a_log_that_was_anchored_later_is_not_continued_in_silence(lab, backup, empty, key, tmp_path):
    anchors = {"AUDIT_ANCHOR_FILE": str(tmp_path / "anchors")}
    lab.do("seal_audit")
    lab.do("anchor_audit", **anchors)
    said = empty.do("restore", backup, "--identity", key, **anchors)
    assert re.search(r"The anchor file has a checkpoint of 1\d events, and the restored log has 12 sealed", said)
    code, said = empty.run("seal_audit", **anchors)
    assert (code, "restored from a backup" in said) == (1, True)
    (tmp_path / "anchors").rename(tmp_path / "anchors.before")
    (tmp_path / "anchors").touch()
    empty.do("seal_audit", **anchors)
    assert "none was changed" in empty.do("verify_audit", **anchors)


@of_the_archive
@pytest.mark.parametrize("name", ["SECRET_KEY", "AUDIT_SIGNING_KEY"])
def test_without_the_secrets_of_the_backup_nothing_is_restored(lab, backup, empty, key, name):
    other = {"SECRET_KEY": "another-" * 6, "AUDIT_SIGNING_KEY": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="}[name]
    code, said = empty.run("restore", backup, "--identity", key, **{name: other})
    assert (code, f"{name} is not the one of the backup" in said) == (1, True)
    assert other not in said
    if name == "AUDIT_SIGNING_KEY":
        assert "Set that one; afterwards replace it by manage.py rotate_audit_key" in said
    else:
        former = {"SECRET_KEY_FALLBACKS": lab.environment[name]}
        empty.do("restore", backup, "--identity", key, **{name: other}, **former)


@of_the_archive
def test_without_a_key_to_encrypt_for_there_is_no_backup(lab):
    code, said = lab.run("backup", BACKUP_RECIPIENTS="")
    assert (code, "set BACKUP_RECIPIENTS" in said) == (1, True)
    code, said = lab.run("backup", "--recipient", "age1nonsense")
    assert (code, "is no public key of age" in said) == (1, True)
    assert backups(lab) == []


@of_the_archive
def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(key):
    assert key.stat().st_mode & 0o777 == 0o600
    code, said = Installation("sqlite", key.parent).run("backup", "--new-key", key)
    assert (code, "is there already" in said) == (1, True)


def test_a_full_disk_leaves_no_half_backup(lab):
    code, said = lab.run("backup", "--to", "/proc/nowhere")
    assert (code, "can't be written" in said) == (1, True)
    # A file may not grow beyond 64 kB.
    command = f"ulimit -f 64; trap '' XFSZ; {sys.executable} {ROOT / 'manage.py'} backup"
    done = subprocess.run(["bash", "-c", command], env=lab.environment, capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert re.search("CommandError: .*(File too large|can't be copied: disk I/O error)", done.stderr)
    assert backups(lab) == []


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize(("program", "reason"), [("", "is not on the PATH"), ("9.6", "is version 9 and refuses")])
def test_a_missing_or_old_pg_dump_is_told_of(lab, tmp_path, program, reason):
    if program:
        (tmp_path / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {program}'\n")
        (tmp_path / "pg_dump").chmod(0o755)
    code, said = lab.run("backup", PATH=str(tmp_path))
    assert (code, reason in said) == (1, True), said
    assert backups(lab) == []


@pytest.mark.only_on("postgresql")
def test_a_backup_of_postgresql_is_not_restored_into_sqlite(lab, backup, key, tmp_path):
    file = tmp_path / "lab.db"
    code, said = lab.run("restore", backup, "--identity", key, DATABASE_URL=f"sqlite:///{file}")
    assert (code, "It is a backup of postgresql, and DATABASE_URL names sqlite" in said) == (1, True)
    assert not file.exists()


@pytest.mark.only_on("postgresql")
def test_the_sealer_looks_at_new_events_alone_after_a_restore(backup, empty, key):
    """The numbers of transactions are the new server's own: old ones may be larger than any that it will give."""
    empty.do("restore", backup, "--identity", key)
    with psycopg.connect(empty.environment["DATABASE_URL"]) as connection:
        numbers = connection.execute(
            "SELECT coalesce(sign(transaction_id), 0)::integer, count(*) FROM audit_logs GROUP BY 1 ORDER BY 1"
        ).fetchall()
    # Of those that were saved, two stand beside changes that the database captured and nobody settled yet; the new
    # ones are those of the ended session and of the restore.
    assert numbers == [(-1, 2), (0, 13), (1, 2)]
    assert "Events sealed: 5. In all: 17." in empty.do("seal_audit")
    assert "none was changed" in empty.do("verify_audit")
