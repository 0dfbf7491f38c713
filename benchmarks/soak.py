"""Days of use in minutes, and whether anything grows: `python -m benchmarks.soak --minutes 20`.

Starts PostgreSQL, Valkey and our server with two worker processes, and does in turn all that people and programs do,
each for a few seconds: signing in and out, lists, searches, pages, changes. After each turn it notes what the server
holds: memory (PSS) of a worker, open files, threads, connections to PostgreSQL, memory and keys of Valkey. What is kept
for some time, such as tokens that a process knows, is there after the first half; in the second nothing may grow on.
"""

import argparse
import json
import time
from itertools import count
from pathlib import Path

import psycopg
from redis import Redis

from benchmarks.harness.contenders import OURS, PASSWORD, request
from benchmarks.harness.environment import Environment, exchange, generate, order_for, say
from benchmarks.harness.machine import pss, workers
from benchmarks.harness.results import figure
from benchmarks.harness.scenarios import page_session

USERS = 2_000
#: Calls of a lab with a few hundred people.
CALLS_AN_HOUR = 36_000
CONNECTIONS, SECONDS = 8, 3
PAGES = ("/", "/users", "/users?search=an", "/roles", "/audit", "/profile", "/profile/security", "/api/users?page=7")
#: So much more is noise of a measurement and no leak.
MOST_GROWTH = 1.03


def main():
    """Load, watch, and tell what grew; ends with 1 if anything did."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=20)
    options = arguments.parse_args()
    environment = Environment(USERS, [OURS.name])
    try:
        samples, calls = soak(environment, time.monotonic() + options.minutes * 60)
    finally:
        environment.close()
    say(f"{calls:,} calls in {options.minutes:g} minutes, as many as in {calls / CALLS_AN_HOUR:,.0f} hours of a lab")
    has_grown = [growth(name, samples) for name in samples[0]]
    raise SystemExit(1 if any(has_grown) else 0)


def soak(environment, end):
    """({what: how much} after each turn, number of calls)."""
    samples, calls = [], 0
    for turn in count():
        for order in turns(environment, turn):
            figures = generate(order)
            if figures["unexpected"]:
                raise SystemExit(f"not what was expected: {figures['unexpected']}")
            calls += figures["count"]
        samples.append(held(environment))
        say(f"  {calls:,} calls: " + ", ".join(f"{name} {figure(value)}" for name, value in samples[-1].items()))
        if time.monotonic() > end:
            return samples, calls
    return samples, calls


def turns(environment, number):
    """What the client does in a turn: each for a few seconds."""
    port = environment.ports[OURS.name]
    for task in ("me", "list", "deep page", "search", "login"):
        connections = 4 if task == "login" else CONNECTIONS
        yield order_for(port, environment.requests(OURS.name, task), connections, SECONDS)
    caller = environment.callers[number % len(environment.callers)]
    cookie = page_session(port, caller)
    yield order_for(port, [request("GET", path, port, {"Cookie": cookie}) for path in PAGES], CONNECTIONS, SECONDS)
    # A program that comes, does something and goes: sessions of which nobody asks again.
    status, _, body = exchange(port, OURS.login_request(caller, port))
    assert status == 200, body
    headers = OURS.secret(json.loads(body))
    wrong = {"current_password": "Not-The-Password-1", "new_password": PASSWORD}
    for method, path, sent, expected in (
        ("GET", "/api/auth/sessions", None, 200),
        ("POST", "/api/auth/change-password", wrong, 400),
        ("GET", "/api/users/999999999", None, 404),
        ("POST", "/api/auth/logout", {}, 200),
    ):
        more = {} if sent is None else {"Content-Type": "application/json"}
        status, _, body = exchange(
            port, request(method, path, port, headers | more, "" if sent is None else json.dumps(sent))
        )
        assert status == expected, f"{path}: {status} {body}"


def held(environment):
    """What the server and its stores hold at this moment."""
    time.sleep(1)  # for what is on its way
    found = workers(environment.running[OURS.name].pid)
    with psycopg.connect(environment.databases[OURS.name]) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()
    redis = Redis.from_url(f"{environment.valkey}/0")
    return {
        "MB of a worker": sum(map(pss, found)) / len(found) / 1024 / 1024,
        "open files": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in found),
        "threads": sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in found),
        "connections to PostgreSQL": row[0],
        "MB of Valkey": redis.info("memory")["used_memory"] / 1024 / 1024,
        "keys in Valkey": redis.dbsize(),
    }


def growth(name, samples):
    """Tell how a figure went in the second half; whether it is more at its end than it ever was at its beginning.

    Much comes and goes, as keys of Valkey do: what leaks doesn't go.
    """
    values = [sample[name] for sample in samples]
    half = values[len(values) // 2 :]
    quarter = max(1, len(half) // 4)
    before, after = half[:quarter], half[-quarter:]
    is_more = min(after) > max(before) * MOST_GROWTH
    say(f"{'GREW  ' if is_more else 'steady'} {name}: {range_text(values[:quarter], before, after)}")
    return is_more


def range_text(*parts):
    """The least and the most of each part."""
    return ", then ".join(f"{figure(min(part))} to {figure(max(part))}" for part in parts)


if __name__ == "__main__":
    main()
