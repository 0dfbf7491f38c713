"""The environment of Python packages that scripts use: one that they didn't make is never changed, nor a server's."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprotech.testing.plugin import ROOT
from scripts import leftovers

pytestmark = pytest.mark.only_on("sqlite")  # the database plays no part

#: What it would run to make or change an environment: here only noted, but for the first step of making one.
PYTHON = """#!/bin/sh
case "$*" in
    "-m venv"*) echo "$*" >>"$NOTES"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit "${VENV_CODE:-0}" ;;
    "-m pip"*) echo "$*" >>"$NOTES" ;;
    *) exec REAL "$@" ;;
esac
"""


class Checkout:
    """A directory with the script, requirements and perhaps an environment."""

    def __init__(self, home):
        self.home, self.notes, self.venv = home, home / "notes", home / ".venv"
        for name in ("scripts/environment.sh", "scripts/backup", "scripts/restore", "requirements.txt"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, home / name)
        (home / "manage.py").write_text("print('done')")
        (home / "scripts/restore.py").write_text("print('done')")
        self.notes.touch()
        (home / "path").mkdir()
        self.put_python(home / "path/python3")

    def put_python(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PYTHON.replace("REAL", sys.executable))
        path.chmod(0o755)

    def make_environment(self, *marks):
        self.put_python(self.venv / "bin/python")
        for mark in marks:
            (self.venv / mark).mkdir()
        (self.venv / "theirs").touch()

    def require(self, requirement):
        with (self.home / "requirements.txt").open("a") as file:
            file.write(f"{requirement}\n")

    def run(self, command, **variables):
        environment = {**os.environ, "NOTES": str(self.notes), "PATH": f"{self.home}/path:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=self.home,
            env=environment | variables,
            capture_output=True,
            check=False,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def files(self):
        return sorted(
            str(path.relative_to(self.home)) for path in self.home.rglob("*") if "__pycache__" not in path.parts
        )


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


INSTALL = ". scripts/environment.sh; install_server; echo done"
COMMANDS = [INSTALL, "scripts/backup", "scripts/restore x --identity y"]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_environment_that_others_made_is_used_as_it_is(checkout, command):
    checkout.make_environment()
    before = checkout.files
    assert checkout.run(command) == (0, "done\n")
    assert (checkout.files, checkout.notes.read_text()) == (before, "")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("lacking", ["Django==9.9", "not-there[extra]==1.0  # reason", ""])
def test_one_that_lacks_something_is_left_alone_with_a_sentence(checkout, command, lacking):
    checkout.make_environment()
    checkout.require(lacking)
    if not lacking:
        (checkout.venv / "bin/python").unlink()
    before = checkout.files
    code, said = checkout.run(command)
    name = re.match(r"[\w-]*", lacking)[0] or "a Python that starts"
    assert (code, f"it lacks {name}" in said, len(said.splitlines())) == (1, True, 1), said
    assert f"python -m pip install -r {checkout.home}/requirements.txt" in said
    assert (checkout.files, checkout.notes.read_text()) == (before, "")


def test_one_of_ours_is_brought_in_line_and_after_an_interruption_made_again(checkout):
    checkout.make_environment("installed")
    assert checkout.run(INSTALL)[0] == 0
    assert re.fullmatch(r"-m pip install .*\n", checkout.notes.read_text())
    assert (checkout.venv / "theirs").exists()
    (checkout.venv / "installed").rename(checkout.venv / "installing")
    assert checkout.run(INSTALL)[0] == 0
    assert "-m venv" in checkout.notes.read_text()
    assert not (checkout.venv / "theirs").exists()
    # An interruption while it is being made leaves it ours, whenever it comes.
    shutil.rmtree(checkout.venv)
    assert checkout.run(INSTALL, VENV_CODE="1")[0] == 1
    assert (checkout.venv / "bin/python").exists()
    assert checkout.run(INSTALL)[0] == 0


@pytest.mark.parametrize("command", COMMANDS[1:])
@pytest.mark.parametrize("mark", ["installed", "installing"])
def test_backup_and_restore_change_no_packages_that_a_server_runs_with(checkout, command, mark):
    checkout.make_environment(mark)
    checkout.require("Django==9.9")
    (checkout.home / "run").mkdir()
    with Path(checkout.home / "run/server-5001.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, said = checkout.run(command)
        assert (code, "a server runs with them. Restart it by scripts/server first." in said) == (1, True)
        assert checkout.notes.read_text() == ""
    assert checkout.run(command)[0] == 0
    assert "-m pip install" in checkout.notes.read_text()


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_backup_and_restore_make_an_environment_where_there_is_none(checkout, command):
    assert checkout.run(command)[0] == 0
    assert re.search("-m venv(.*\n)*-m pip install", checkout.notes.read_text())


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_file_in_its_place(checkout):
    path = checkout.home / "run/server-1.lock"
    path.parent.mkdir()
    take = [*("bash", "-euc"), ". scripts/environment.sh; take_lock 8 server-1; echo taken; read -r"]
    with path.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        waiting = subprocess.Popen(take, cwd=checkout.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while not Path(f"/proc/{waiting.pid}/fd/8").exists():
            time.sleep(0.01)
        path.unlink()  # as the server does that held it
    assert waiting.stdout.readline() == b"taken\n"
    with path.open("a") as now, pytest.raises(BlockingIOError):
        fcntl.flock(now, fcntl.LOCK_EX | fcntl.LOCK_NB)
    waiting.communicate(b"\n")


def test_a_start_removes_what_killed_servers_left_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "RUN", tmp_path)
    for name in ("metrics-5001", "metrics-5002", "metrics-5003"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "counter_1.db").touch()
    for name in ("server-5001.lock", "server-5002.lock", "setup.lock", "maintenance.json"):
        (tmp_path / name).touch()
    with (tmp_path / "server-5001.lock").open("a") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        leftovers.remove_abandoned()
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {"metrics-5001", "server-5001.lock", "setup.lock", "maintenance.json"}
