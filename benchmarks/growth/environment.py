"""One PostgreSQL and one Valkey, and a server of ours for each size, all at once: so that sizes can take turns."""

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from benchmarks.harness.contenders import OURS, command_of, request
from benchmarks.harness.databases import make_database
from benchmarks.harness.environment import (
    POSTGRESQL,
    answer_of,
    cpu_of,
    exchange,
    say,
    server_variables,
    sign_in,
    without_counters,
)
from benchmarks.harness.installation import ROOT, install, run
from reprotech.testing.servers import TestProcesses, free_port, start_postgresql, start_valkey, wait_for

#: What a database that is kept was made with; without them nobody can vouch for its events.
SECRETS = ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY")
#: Seconds that the servers' own work gets to catch up: it begins a minute after their start.
PATIENCE = 900
UNSEALED = """
    SELECT count(*) FROM audit_logs WHERE id > (SELECT coalesce(max(event_id), 0) FROM audit_leaves)
"""
ORDERS_WITHOUT_SIGNPOSTS = "SELECT %s - count(DISTINCT sort) FROM user_signposts"
#: Events about people and roles that the access history doesn't have yet.
UNREPLAYED = """
    SELECT count(*) FROM audit_logs WHERE resource IN ('user', 'role')
        AND id > (SELECT coalesce(max(last_event), 0) FROM access_history_state)
"""
AT_WORK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type LIKE 'autovacuum worker%' OR (backend_type = 'client backend' AND state = 'active')
        AND pid <> pg_backend_pid()
"""


class Size(NamedTuple):
    """How many there are."""

    users: int
    events: int

    @property
    def name(self):
        """Of its database, its server and its figures."""
        return f"growth_{self.users}_{self.events}"


class Server(NamedTuple):
    """A server of ours that runs, and what to ask of it."""

    size: Size
    port: int
    pid: int
    database: str
    #: What `filling` found.
    samples: dict[str, Any]
    #: Those of each session.
    headers: list[dict[str, str]]

    def requests(self, paths):
        """What the client sends, in turn: all of the paths and all of the sessions."""
        return [
            request("GET", paths[number % len(paths)], self.port, self.headers[number % len(self.headers)])
            for number in range(max(len(paths), len(self.headers)))
        ]

    def ask(self, path):
        """The answer, read."""
        status, _, body = exchange(self.port, request("GET", path, self.port, self.headers[0]))
        assert status == 200, f"{self.size.name}, {path}: {status} {body[:300]}"
        return json.loads(body)


class Environment:
    """Everything that runs. `keep` is a directory in which the databases stay, and from which they are used again."""

    def __init__(self, sizes, keep, sessions):
        self.processes = TestProcesses()
        self._directory = Path(keep).resolve() if keep else self.processes.directory
        self._directory.mkdir(parents=True, exist_ok=True)
        self._sessions = sessions
        install(OURS.name)
        self.postgresql = start_postgresql(self.processes, self._directory / "postgresql", **POSTGRESQL)
        self._valkey = start_valkey(self.processes)
        self._databases = [process.pid for process in self.processes.running]
        filled = {size: self._filled(size) for size in sizes}
        self.servers = [self._start(size, number, **filled[size]) for number, size in enumerate(sizes)]
        for server in self.servers:
            catch_up(server)

    def close(self):
        """End all."""
        self.processes.close()

    def cpu_seconds(self, server):
        """The processor time so far of a server, and of PostgreSQL and Valkey, which work for one of them at a time."""
        return cpu_of({"server": [server.pid], "database": self._databases})

    def _filled(self, size):
        """{secrets, samples} of a database that is there, or is now."""
        kept = self._directory / f"{size.name}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        say(f"loading {size.users:,} users and {size.events:,} events ...")
        with psycopg.connect(self.postgresql, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {size.name}")  # of a run that was broken off
        database = make_database(self.postgresql, size.name)
        variables = server_variables(database, f"{self._valkey}/15", free_port(), self._home(size))
        samples = self._directory / "samples.json"
        loading = [sys.executable, "-m", "benchmarks.growth.seeding", "--users", str(size.users)]
        loading += ["--events", str(size.events), "--file", samples]
        began = time.monotonic()
        run(loading, cwd=ROOT, env=without_counters(variables))
        say(f"  {time.monotonic() - began:.0f} s")
        secrets = {name: variables[name] for name in SECRETS}
        kept.write_text(json.dumps({"secrets": secrets, "samples": json.loads(samples.read_text())}))
        return json.loads(kept.read_text())

    def _start(self, size, number, secrets, samples):
        database = self.postgresql.replace("/postgres", f"/{size.name}")
        port, log = free_port(), self._home(size) / "output"
        variables = server_variables(database, f"{self._valkey}/{number}", port, self._home(size)) | secrets
        # Once a day all events are verified. Of ten million that would go on all the while.
        variables["AUDIT_VERIFY_HOURS"] = "0"
        process = self.processes.start(command_of(OURS.name, port), log, cwd=ROOT, env=variables)
        # The first start compresses the static files, which takes a while on a busy machine.
        wait_for(process, log, lambda: answer_of(port, "/api/auth/me"), patience=600)
        callers = samples["callers"]
        headers = [sign_in(OURS, callers[one % len(callers)], port) for one in range(self._sessions)]
        return Server(size, port, process.pid, database, samples, headers)

    def _home(self, size):
        home = self.processes.directory / size.name
        home.mkdir(exist_ok=True)
        return home


@contextmanager
def patiently(what):
    """Tell how long it took."""
    began = time.monotonic()
    yield lambda: time.monotonic() - began < PATIENCE or sys.exit(f"still waiting for {what}")
    if (took := time.monotonic() - began) > 1:
        say(f"  waited {took:.0f} s for {what}")


def catch_up(server):
    """Wait until the server has done by itself what it does in the background."""
    waits = {
        "every event to be sealed": (UNSEALED, None),
        "the access history to be built": (UNREPLAYED, None),
        "signposts in every order of the users": (ORDERS_WITHOUT_SIGNPOSTS, [server.samples["signposts"]]),
        "PostgreSQL to have nothing else to do": (AT_WORK, None),
    }
    with psycopg.connect(server.database, autocommit=True) as connection:
        for what, (statement, values) in waits.items():
            with patiently(what) as is_early:
                while connection.execute(statement, values).fetchone()[0] > 0 and is_early():
                    time.sleep(0.2)
