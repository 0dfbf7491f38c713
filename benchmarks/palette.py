"""How quickly the palette's search answers among a thousand users and among a million: `python -m benchmarks.palette`.

Fills a PostgreSQL and a SQLite of each size, unless `--keep` has them from an earlier run, and has a process for each
ask for what people type, through the whole application, as the palette does. They take turns, so a ratio compares what
was measured one right after the other. The goal is a 95th percentile of at most 100 ms at the larger size.
"""

import argparse
import base64
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from benchmarks.harness.environment import POSTGRESQL, say
from benchmarks.harness.machine import cpu_seconds, load
from benchmarks.harness.results import quantile, ratio, spread_text
from reprotech.testing.servers import TestProcesses, start_postgresql

GOAL_MS = 100
PASSWORD = "Admin123!"
#: What people type, by what it is; `{}` is taken from somebody's name.
TEXTS = {
    "one letter": "a",
    "a rare letter": "q",
    "two letters": "li",
    "a first name": "{first}",
    "a username": "{username}",
    "part of an e-mail": "{part}",
    "all e-mails": "lab.example",
    "nothing found": "zyzzyva",
    "a percent sign": "%",
    "three words": "{first} of lab",
    "an action on a person": "lock {username}",
    "a role for a person": "assign viewer to {username}",
}


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.palette", description=__doc__.splitlines()[0])
    arguments.add_argument("--users", type=int, nargs=2, default=[1_000, 1_000_000], help="both sizes")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--asks", type=int, default=20, help="how often each text is asked for in a round")
    arguments.add_argument("--database", choices=("PostgreSQL", "SQLite"), help="only this one")
    arguments.add_argument("--keep", type=Path, help="where databases stay, to be used again")
    arguments.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker is not None:
        answer_orders(options.worker)
        return
    processes = TestProcesses()
    try:
        keep = (options.keep or processes.directory).resolve()
        keep.mkdir(parents=True, exist_ok=True)
        postgresql = start_postgresql(processes, keep / "postgresql", **POSTGRESQL)
        urls = {
            "PostgreSQL": {users: f"{postgresql.rpartition('/')[0]}/palette_{users}" for users in options.users},
            "SQLite": {users: f"sqlite:///{keep}/palette_{users}.sqlite3" for users in options.users},
        }
        for name, of_sizes in urls.items():
            if options.database not in (None, name):
                continue
            workers = {users: Worker(url, users, postgresql, processes) for users, url in of_sizes.items()}
            found = rounds(workers, options)
            for worker in workers.values():
                worker.close()
            print_table(name, found, options)
    finally:
        processes.close()


class Worker:
    """A process with one database."""

    def __init__(self, url, users, postgresql, processes):
        say(f"{url}: {users:,} users ...")
        if url.startswith("postgresql"):
            make_database(postgresql, url.rpartition("/")[2])
        variables = {
            "DJANGO_SETTINGS_MODULE": "reprotech.settings",
            "DEBUG": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_SIGNING_KEY_FILE": "",
            "DATABASE_URL": url,
            "REDIS_URL": "",
            "ALLOWED_HOSTS": "testserver",
            "LOG_DIR": str(processes.directory / "logs"),
            "LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "benchmarks.palette", "--worker", str(users)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, **pipes, text=True, env=os.environ | variables)
        self._process.stdout.readline()

    def ask(self, name, count):
        """The p95 of so many answers, and the processor time of one."""
        self._process.stdin.write(json.dumps([name, count]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait()


def make_database(server, name):
    """Unless it is there already."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f"CREATE DATABASE {name}")


def rounds(workers, options):
    """{text: {users: [(p95, processor time of an answer) of each round]}}, in milliseconds."""
    found = {name: {users: [] for users in workers} for name in TEXTS}
    for number in range(options.rounds + 1):
        for name in TEXTS:
            for users in sorted(workers, reverse=bool(number % 2)):
                figures = workers[users].ask(name, options.asks)
                if number:  # the first only fills caches
                    found[name][users].append(figures)
        say(f"  round {number} of {options.rounds}, load {load():.1f}")
    return found


def print_table(database, found, options):
    """A line for each text."""
    print(f"\n{database}, p95 in ms {'':10}{options.users[0]:>10,}{options.users[1]:>12,}{'ratio':>22}{'':9}CPU ms")
    for name, of in found.items():
        (few, few_cpu), (many, many_cpu) = (zip(*of[users], strict=True) for users in options.users)
        verdict = "met" if median(many) <= GOAL_MS else "missed"
        cpu = f"{median(few_cpu):.0f} → {median(many_cpu):.0f}"
        ratios = spread_text(ratio(many, few))
        print(f"{name:31}{median(few):>10.1f}{median(many):>12.1f}{ratios:>22}  {verdict:7}{cpu:>10}")


# In a worker


def answer_orders(users):
    """Fill the database unless it is full, sign in, and do what is asked for on standard input."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from accounts.models import Role, User

    call_command("migrate", verbosity=0, stdout=sys.stderr)
    call_command("init_data", stdout=sys.stderr)
    if User.objects.count() < users:
        call_command("create_demo_data", users=users, audit_events=1_000, seed=1, stdout=sys.stderr)
    # Otherwise each of a few sign-ins would use up the grace.
    Role.objects.filter(requires_factor=True).update(requires_factor=False)
    known = User.objects.existing().exclude(username="admin").order_by("pk")[users // 2]
    names = {"first": known.first_name, "username": known.username, "part": known.email.partition("@")[0][1:]}
    client = Client()
    assert client.post("/login", {"username": "admin", "password": PASSWORD}).status_code == 302
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = json.loads(line)
        print(json.dumps(measure(client, TEXTS[name].format(**names), count)), flush=True)


def measure(client, text, count):
    """(p95, processor time of an answer, PostgreSQL's too), in milliseconds."""
    path = f"/search?{urlencode({'q': text})}"
    pids = [os.getpid(), *backends()]
    taken, before = [], cpu_seconds(pids)
    for _ in range(count):
        started = time.perf_counter()
        answer = client.get(path, HTTP_ACCEPT="application/json")
        taken.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, f"{text}: {answer.status_code}"
    return quantile(taken, 0.95), (cpu_seconds(pids) - before) * 1000 / count


def backends():
    """The processes of PostgreSQL that answer this one."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


if __name__ == "__main__":
    main()
