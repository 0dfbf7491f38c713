"""All servers of a run at one size: PostgreSQL, Valkey, ours and the others, with the same people and callers."""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection

from benchmarks.harness.contenders import ALL, OURS, PASSWORD, WORKERS, command_of, request
from benchmarks.harness.databases import load, make_database
from benchmarks.harness.installation import ROOT, SOURCES, install, python_of, run
from benchmarks.harness.machine import children, cpu_seconds
from benchmarks.harness.sample_users import terms
from reprotech.testing.servers import TestProcesses, free_port, start_postgresql, start_valkey, wait_for

#: As someone sets it up who means it; and what is committed survives a crash, unlike in tests.
POSTGRESQL = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
}
#: With one token nobody may make more than 6,000 calls a minute: so many of ours are taken in turn.
SECRETS = 40
SEARCHES = 25


class Environment:
    """Servers that run; `ask` measures nothing and only tells what is answered."""

    def __init__(self, users, names):
        self.users = users
        self.processes = TestProcesses()
        self.ports, self.running, self.headers, self.variables, self.databases = {}, {}, {}, {}, {}
        self.secret = secrets.token_urlsafe(48)
        directory = self.processes.directory
        self.postgresql = start_postgresql(self.processes, **POSTGRESQL)
        self.valkey = start_valkey(self.processes)
        # What the test processes have started so far are these two.
        self._databases = [process.pid for process in self.processes.running]
        self.people = directory / "people"
        self.people.mkdir()
        self._prepare_ours()
        self.callers = json.loads((self.people / "callers.json").read_text())
        self.terms = terms(self.people, SEARCHES)
        for name in names:
            if name != OURS.name:
                self._prepare(name)
        for name in [OURS.name, *(name for name in names if name != OURS.name), "empty_django"]:
            self.start(name)
        for name in self.running.keys() - {"empty_django"}:
            count = SECRETS if name == OURS.name else len(self.callers)
            self.headers[name] = [self.sign_in(ALL[name], number) for number in range(count)]

    def close(self):
        """End all."""
        self.processes.close()

    def _prepare_ours(self):
        self.databases[OURS.name] = make_database(self.postgresql, OURS.name)
        self.ports[OURS.name] = free_port()
        self.variables[OURS.name] = server_variables(
            self.databases[OURS.name], f"{self.valkey}/0", self.ports[OURS.name], self.processes.directory
        )
        say(f"loading {self.users:,} users ...")
        loading = [sys.executable, "-m", "benchmarks.harness.sample_users", "--users", str(self.users)]
        variables = without_counters(self.variables[OURS.name])
        run([*loading, "--directory", self.people], cwd=ROOT, env=variables)
        install(OURS.name)
        run([python_of(OURS.name), "manage.py", "collectstatic", "--noinput"], cwd=ROOT, env=variables)

    def _prepare(self, name):
        say(f"loading {name} ...")
        directory = install(name)
        url = self.databases[name] = make_database(self.postgresql, name)
        port = self.ports[name] = free_port()
        self.variables[name] = os.environ | {
            "DATABASE_URL": url,
            "SECRET": self.secret,
            "PASSWORD": PASSWORD,
            "PORT": str(port),
            "WORKERS": str(WORKERS),
            "BASE_URL": f"http://127.0.0.1:{port}",
            "NODE_ENV": "production",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        preparing = ["node", "prepare.mjs"] if (directory / "prepare.mjs").exists() else [python_of(name), "prepare.py"]
        printed = run(preparing, cwd=directory, env=self.variables[name])
        load(url, self.people, (SOURCES / name / "load.sql").read_text(), printed.split()[-1])

    def start(self, name):
        """Start one and wait until it answers; returns the seconds that took."""
        port = self.ports.setdefault(name, free_port())
        directory = ROOT if name == "empty_django" else install(name)
        log = self.processes.directory / f"{name}.log"
        variables = self.variables.get(name, dict(os.environ))
        began = time.perf_counter()
        process = self.processes.start(command_of(name, port), log, cwd=directory, env=variables)
        wait_for(process, log, lambda: answer_of(port, "/api/auth/me"), patience=600)
        self.running[name] = process
        return time.perf_counter() - began

    def stop(self, name):
        """End one."""
        self.processes.stop(self.running.pop(name))

    def cpu_seconds(self, name):
        """The processor time so far of a server's processes, and of PostgreSQL's and Valkey's."""
        return cpu_of({"server": [self.running[name].pid], "database": self._databases})

    def sign_in(self, contender, number):
        """The headers of one more session: of each caller in turn."""
        return sign_in(contender, self.callers[number % len(self.callers)], self.ports[contender.name])

    def requests(self, name, task):
        """What the client sends for a task, in turn."""
        contender, port = ALL[name], self.ports[name]
        if task == "login":
            return [contender.login_request(caller, port) for caller in self.callers]
        paths = {
            "me": [contender.me.format(id=caller["id"]) for caller in self.callers],
            "list": [contender.list_path()],
            "deep page": [contender.list_path(self.deep_page)],
            "search": [contender.list_path(0, term) for term in self.terms],
        }[task]
        headers = self.headers[name]
        return [
            request("GET", paths[number % len(paths)], port, headers[number % len(headers)])
            for number in range(max(len(paths), len(headers)))
        ]

    @property
    def deep_page(self):
        """Nine tenths into the list; pages have ten."""
        return self.users * 9 // 100

    def check(self, name):
        """What is answered is what was asked for: the same rows by all. A figure for anything else is worth nothing."""
        contender, port = ALL[name], self.ports[name]
        for task, count in (("list", 10), ("deep page", 10), ("search", 1)):
            status, _, body = exchange(port, self.requests(name, task)[0])
            assert status == 200, f"{name}, {task}: {status} {body[:300]}"
            rows = contender.rows(json.loads(body))
            assert len(rows) == count if count > 1 else len(rows) >= count, f"{name}, {task}: {body[:300]}"
            assert task != "search" or self.terms[0] in json.dumps(rows), f"{name} finds something else: {body[:300]}"
        status, _, body = exchange(port, self.requests(name, "me")[0])
        assert status == 200, f"{name}, me: {status} {body[:300]}"
        assert self.callers[0]["email"] in body.decode(), f"{name}, me: {body[:300]}"


def server_variables(database, redis, port, directory):
    """Our settings are those of production but for https, which all would need a proxy for."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "reprotech.settings",
        "DEBUG": "false",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AUDIT_SIGNING_KEY_FILE": "",
        "ADMIN_PASSWORD": PASSWORD,
        "PASSWORD": PASSWORD,
        "ALLOWED_HOSTS": "127.0.0.1",
        "ACCESS_TOKEN_MINUTES": "240",
        "RATE_LIMIT_ENABLED": "true",
        "LOG_DIR": str(directory / "logs"),
        "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": str(WORKERS),
    }


def without_counters(variables):
    """For programs beside the server: only processes that answer requests may leave their counters there."""
    return {name: value for name, value in variables.items() if name != "PROMETHEUS_MULTIPROC_DIR"}


def cpu_of(trees):
    """{part: seconds of processor time so far} of {part: main processes}, with all that these started."""
    return {
        part: cpu_seconds([pid for main in mains for pid in (main, *children(main))]) for part, mains in trees.items()
    }


def sign_in(contender, caller, port):
    """The headers of a new session."""
    status, headers, body = exchange(port, contender.login_request(caller, port))
    assert status == 200, f"{contender.name} lets nobody in: {status} {body[:500]}"
    if cookies := [value.split(";")[0] for name, value in headers if name.lower() == "set-cookie"]:
        return {"Cookie": "; ".join(cookies)}
    return contender.secret(json.loads(body))


def answer_of(port, path):
    """Any answer at all."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def exchange(port, sent):
    """(status, headers, body) for a request in bytes, on a connection of its own."""
    from http.client import HTTPResponse

    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(sent)
        response = HTTPResponse(connection)
        response.begin()
        return response.status, response.getheaders(), response.read()


def generate(order):
    """Run the load generator, in a process of its own; returns its figures."""
    client = [sys.executable, "-m", "benchmarks.harness.client"]
    done = subprocess.run(client, input=json.dumps(order), capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"the client failed: {done.stderr}")
    return json.loads(done.stdout)


def order_for(port, requests, connections, seconds, expected=(200,), **more):
    """What the load generator is told."""
    return {
        "address": ["127.0.0.1", port],
        "requests": [sent.decode("latin-1") for sent in requests],
        "connections": connections,
        "seconds": seconds,
        "expected": [*expected],
        **more,
    }


def say(text):
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)
