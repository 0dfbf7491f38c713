"""What a killed backup leaves of its trial restore is removed by the next one, and nothing else is."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing

import psycopg
import pytest

from reprotech.testing.plugin import ROOT
from reprotech.tests.support.command_runner import Installation


@pytest.fixture
def lab(stack, tmp_path, grown_lab):
    said = Installation("sqlite", tmp_path / "key").do("backup", "--new-key", tmp_path / "key.txt")
    recipient = re.search(r"age1\w+", said + (tmp_path / "key.txt").read_text())[0]
    return Installation(stack, tmp_path / "lab", like=grown_lab, BACKUP_RECIPIENTS=recipient)


def rehearsals(lab, stack):
    """What there is of trial restores."""
    if stack == "sqlite":
        return {path.name for path in lab.directory.glob(".rehearsal-*")}
    with psycopg.connect(lab.environment["DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT d.datname FROM pg_database d, pg_database own WHERE own.datname = current_database() "
            "AND starts_with(d.datname, 'reprotech_rehearsal_' || own.oid || '_')"
        )
        return {name for (name,) in found}


def wait_for_another_second():
    """A backup is named after the one in which it begins, and there can't be two of a name."""
    time.sleep(1 - time.time() % 1)


def start_verifying(lab, stack):
    """A backup that has begun its trial restore, and that."""
    wait_for_another_second()
    before = rehearsals(lab, stack)
    command = [sys.executable, ROOT / "manage.py", "backup", "--verify"]
    process = subprocess.Popen(command, env=lab.environment, cwd=lab.directory, start_new_session=True)
    deadline = time.monotonic() + 60
    while not rehearsals(lab, stack) - before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process, (rehearsals(lab, stack) - before).pop()


def test_what_a_killed_backup_left_is_removed_by_the_next_and_what_one_is_at_stays(lab, stack):
    killed, left = start_verifying(lab, stack)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert rehearsals(lab, stack) == {left}
    working, used = start_verifying(lab, stack)
    assert rehearsals(lab, stack) == {used}
    os.killpg(working.pid, signal.SIGSTOP)
    try:
        wait_for_another_second()
        lab.do("backup")
        assert rehearsals(lab, stack) == {used}
    finally:
        os.killpg(working.pid, signal.SIGCONT)
    assert working.wait(120) == 0
    assert rehearsals(lab, stack) == set()


@pytest.mark.only_on("postgresql")
def test_a_leftover_to_which_somebody_is_connected_stays_as_does_that_of_another_installation(lab, stack):
    with closing(psycopg.connect(lab.environment["DATABASE_URL"], autocommit=True)) as own:
        ((number,),) = own.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        looked_at, foreign = f"reprotech_rehearsal_{number}_a", f"reprotech_rehearsal_{number}0_a"
        for name in (looked_at, foreign):
            own.execute(f'CREATE DATABASE "{name}"')
        url = lab.environment["DATABASE_URL"].rpartition("/")[0]
        with closing(psycopg.connect(f"{url}/{looked_at}")):
            lab.do("backup")
        assert rehearsals(lab, stack) == {looked_at}
        wait_for_another_second()
        lab.do("backup")
        assert rehearsals(lab, stack) == set()
        own.execute(f'DROP DATABASE "{foreign}"')
