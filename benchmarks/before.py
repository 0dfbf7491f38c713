"""What a change costs: this tree beside an earlier commit, in one run: `python -m benchmarks.before --base HEAD~10`.

Both run as servers of two worker processes on the same PostgreSQL and Valkey, each with a database of its own and the
same people in it. In each round each does every task once, in an order that alternates; a ratio compares a round
with itself, since the machine changes between them. The events of a round are sealed before anything else
is measured, and the processor time of that is part of what a write costs. Ends with 1 when a goal is missed.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.harness.contenders import OURS, request
from benchmarks.harness.databases import make_database
from benchmarks.harness.environment import answer_of, cpu_of, generate, order_for, say, server_variables, sign_in
from benchmarks.harness.environment import without_counters as quiet
from benchmarks.harness.installation import ROOT, run
from benchmarks.harness.machine import load
from benchmarks.harness.results import figure, ratio, rotated, spread_text
from reprotech.testing.servers import TestProcesses, free_port, start_postgresql, start_valkey, wait_for

#: {task: how many times the base's processor time an answer may take}. Rates are shown too, but where other programs
#: run they differ by a third between two servers of the same code.
GOALS = {"me": 1.02, "list": 1.02, "write": 1.05}
TASKS = ("me", "list", "write", "login")
#: People whom the writes are about: connections must not meet on one, or a call would change nothing.
CHANGED = 400
SEALED = (
    "SELECT NOT EXISTS (SELECT FROM audit_logs e WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id))"
)
SEALING_SECONDS = 60


@dataclass
class Side:
    """One of the two: its code, its server, and what it is asked."""

    name: str
    directory: Path
    database: str
    environment: dict[str, str]
    people: Path
    process: subprocess.Popen | None = None
    requests: dict[str, list[bytes]] = field(default_factory=dict)
    admin: dict[str, str] = field(default_factory=dict)
    changed: list[list[int]] = field(default_factory=list)

    @property
    def port(self):
        """Where it listens."""
        return int(self.environment["PORT"])

    def requests_for(self, task, number):
        """What the client sends in round `number`: a write must not set again what an earlier round has set."""
        if task != "write":
            return self.requests[task]
        bodies = [json.dumps({"first_name": f"{name} {number}"}) for name in ("Anna", "Berta")]
        return [
            request("PATCH", f"/api/users/{user}", self.port, self.admin, body)
            for block in self.changed
            for body in bodies
            for user in block
        ]


def main():
    """Measure, and tell which goals are met."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--base", required=True, help="the commit to compare with")
    arguments.add_argument("--rounds", type=int, default=12)
    arguments.add_argument("--seconds", type=float, default=2, help="length of a task in a round")
    arguments.add_argument("--connections", type=int, default=4)
    arguments.add_argument("--users", type=int, default=1_000)
    arguments.add_argument("--tasks", type=lambda text: text.split(","), default=TASKS, help=", ".join(TASKS))
    options = arguments.parse_args()
    processes = TestProcesses()
    try:
        sides = prepare(processes, options)
        found = rounds(processes, sides, options)
    finally:
        processes.close()
    sys.exit(not report(found))


def prepare(processes, options):
    """Both servers, with the same people."""
    postgresql, valkey = start_postgresql(processes, max_wal_size="4GB"), start_valkey(processes)
    sides = []
    for number, (name, directory) in enumerate(
        {"base": unpack(options.base, processes.directory / "base"), "this": ROOT}.items()
    ):
        side = make_side(name, directory, postgresql, f"{valkey}/{number}", processes.directory)
        say(f"loading {options.users:,} users into {name} ...")
        load_people(side, options.users)
        log = processes.directory / f"{name}.log"
        command = [sys.executable, "-m", "reprotech.server"]
        side.process = processes.start(command, log, cwd=directory, env=side.environment)
        wait_for(side.process, log, lambda port=side.port: answer_of(port, "/api/auth/me"), patience=300)
        sign_all_in(side, options.connections)
        sides.append(side)
    return sides


def unpack(commit, directory):
    """The code of a commit, with what the packages of the pages put beside ours."""
    directory.mkdir()
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    for name in ("build", "node_modules"):
        (directory / name).symlink_to(ROOT / name)
    return directory


def make_side(name, directory, postgresql, redis, below):
    """Its database and environment: those of production, but checking a password costs next to nothing."""
    home = below / f"home-{name}"
    home.mkdir()
    database = make_database(postgresql, name)
    # Where the module is in this commit, and where it was in earlier ones.
    settings = "reprotech.tests.support.server_settings"
    if not (directory / "reprotech" / "tests" / "support").exists():
        settings = "reprotech.tests.server_settings"
    environment = server_variables(database, redis, str(free_port()), home) | {
        "DJANGO_SETTINGS_MODULE": settings,
        "TOKEN_CALLS_PER_MINUTE": "1000000000",
        "MFA_REQUIRED_FOR_ADMINISTRATORS": "false",
        "MAINTENANCE_FILE": str(home / "maintenance.json"),
        "EMAIL_URL": "dummymail://",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Side(name, directory, database, environment, home)


def load_people(side, users):
    """As the comparison with others does, by the side's own code."""
    is_old = (side.directory / "benchmarks" / "compare").exists()  # the module's name in earlier commits
    module = "benchmarks.compare.people" if is_old else "benchmarks.harness.sample_users"
    command = [sys.executable, "-m", module, "--users", str(users), "--directory", side.people]
    run(command, cwd=side.directory, env=quiet(side.environment))
    run([sys.executable, "manage.py", "collectstatic", "--noinput"], cwd=side.directory, env=quiet(side.environment))


def sign_all_in(side, connections):
    """Sessions of those who read and of the administrator, and what is asked with them."""
    callers = json.loads((side.people / "callers.json").read_text())
    readers = [sign_in(OURS, caller, side.port) for caller in callers]
    side.admin = sign_in(OURS, {"username": "admin"}, side.port) | {"Content-Type": "application/json"}
    side.changed = blocks(changeable(side, [caller["id"] for caller in callers]), connections)
    side.requests = {
        "me": [request("GET", "/api/auth/me", side.port, headers) for headers in readers],
        "list": [request("GET", OURS.list_path(), side.port, headers) for headers in readers],
        "login": [OURS.login_request(caller, side.port) for caller in callers],
    }


def changeable(side, callers):
    """Ids of people who aren't among those who call."""
    with psycopg.connect(side.database) as connection:
        found = connection.execute(
            "SELECT id FROM users WHERE deleted_at IS NULL AND username <> 'admin' AND id <> ALL(%s) LIMIT %s",
            [callers, CHANGED],
        )
        return [user for (user,) in found]


def blocks(items, count):
    """So many parts of the same length; what is left over is left out."""
    size = len(items) // count
    return [items[start : start + size] for start in range(0, size * count, size)]


def rounds(processes, sides, options):
    """{task: {side: [figures of each round]}}, after one that doesn't count."""
    databases = [process.pid for process in processes.running[:2]]
    found = {task: {side.name: [] for side in sides} for task in options.tasks}
    for number in range(options.rounds + 1):
        for task in options.tasks:
            for side in rotated(sides, number):
                figures = measure(side, task, number, databases, options)
                if number:
                    found[task][side.name].append(figures)
        say(f"  round {number} of {options.rounds}" + ("" if number else ", to warm up") + f", load {load():.1f}")
    return found


def measure(side, task, number, databases, options):
    """One side's figures for a task: rate, and milliseconds of processor time for each answer."""
    trees = {"server": [side.process.pid], "database": databases}
    events = count_of_events(side)
    before = cpu_of(trees)
    order = order_for(side.port, side.requests_for(task, number), options.connections, options.seconds)
    figures = generate(order)
    if figures["unexpected"]:
        raise SystemExit(f"{side.name}, {task}: {figures['unexpected']}")
    if task in {"write", "login"}:
        wait_until_sealed(side)
        written = (count_of_events(side) - events) / figures["count"]
        assert written > 0.95, f"{side.name}, {task}: {written:.2f} events for each answer"
    spent = cpu_of(trees)
    figures["cpu"] = sum(spent[part] - before[part] for part in trees) / figures["count"] * 1000
    return figures


def count_of_events(side):
    """All that the log holds."""
    with psycopg.connect(side.database) as connection:
        return connection.execute("SELECT count(*) FROM audit_logs").fetchone()[0]


def wait_until_sealed(side):
    """What is written meanwhile by the server would be counted to whatever is measured next."""
    deadline = time.monotonic() + SEALING_SECONDS
    with psycopg.connect(side.database, autocommit=True) as connection:
        while not connection.execute(SEALED).fetchone()[0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"{side.name}: events are still not sealed")
            time.sleep(0.1)


def report(found):
    """Print a line for each task; returns whether all goals are met."""
    print(f"{'':8}{'answers a second':>25}{'':24}{'ms of processor':>20}")
    print(f"{'':8}{'base':>9}{'this':>9}  {'ratio':27}{'base':>8}{'this':>8}  ratio")
    judged = []
    for task, sides in found.items():
        line = task.ljust(8)
        for part in ("rate", "cpu"):
            base, this = ([one[part] for one in sides[name]] for name in ("base", "this"))
            line += f"{figure(median(base)):>9}{figure(median(this)):>9}  {spread_text(ratio(this, base)):26}"
        cost = ratio(this, base).median
        goal = GOALS.get(task)
        judged.append(goal is None or cost <= goal)
        print(line + ("" if goal is None else f"{'met' if judged[-1] else 'MISSED'}: at most {goal}"))
    return all(judged)


if __name__ == "__main__":
    main()
