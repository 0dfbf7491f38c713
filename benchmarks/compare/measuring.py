"""Rounds: in each, everyone does every task once, in an order that rotates, so that nobody has the quiet moments."""

import json
import os
import sys
from collections import defaultdict

from benchmarks.compare.contestants import OURS, TASKS, request
from benchmarks.compare.environments import ROOT, run
from benchmarks.compare.figures import rotated
from benchmarks.compare.stage import generate, order_for, say

#: What nothing exceeds, and the task that it bounds.
LIMITS = {"bcrypt": "login", "sql": "list", "empty_django": "me"}
#: A login takes longer than anything else, so a round of logins is longer, with few at a time.
LOGIN_SECONDS, LOGIN_CONNECTIONS = 2.5, 4


def measure(stage, name, task, connections, seconds):
    """One contestant's or limit's figures for a task."""
    if task == "login":
        connections, seconds = min(connections, LOGIN_CONNECTIONS), seconds * LOGIN_SECONDS
    if name in {"bcrypt", "sql"}:
        return measure_limit(stage, name, connections, seconds)
    requests = stage.requests(name, task) if name != "empty_django" else [request("GET", "/", stage.ports[name], {})]
    before = stage.cpu_seconds(name)
    figures = generate(order_for(stage.ports[name], requests, connections, seconds))
    # On a busy machine the clock tells more of the others than of the server; its processor time doesn't.
    for part, spent in stage.cpu_seconds(name).items():
        figures[f"{part}_cpu"] = (spent - before[part]) / figures["count"] * 1000
    if figures["unexpected"]:
        raise SystemExit(f"{name}, {task}: {figures['unexpected']}")
    return figures


def measure_limit(stage, name, connections, seconds):
    """A limit without a server."""
    command = [sys.executable, "-m", "benchmarks.compare.limits", name, "--seconds", str(seconds)]
    command += ["--connections", str(connections), "--database", stage.databases[OURS.name]]
    before = stage.cpu_seconds(OURS.name)["database"]
    figures = json.loads(run(command, cwd=ROOT))
    figures["database_cpu"] = (stage.cpu_seconds(OURS.name)["database"] - before) / figures["count"] * 1000
    return figures


def rounds(stage, names, *, count, connections, seconds, tasks=TASKS):
    """{task: {name: [figures of each round]}} after one that doesn't count."""
    found = {task: defaultdict(list) for task in tasks}
    for number in range(count + 1):
        is_warm = number > 0
        length = seconds if is_warm else min(seconds, 1)
        began = os.times().elapsed
        for task in tasks:
            bounds = [limit for limit, of in LIMITS.items() if of == task]
            for name in rotated([*names, *bounds], number):
                figures = measure(stage, name, task, connections, length)
                if is_warm:
                    found[task][name].append(figures)
        took = os.times().elapsed - began
        say(
            f"  {connections} connections, round {number} of {count}: {took:.0f} s"
            + ("" if is_warm else ", to warm up")
        )
    return {task: dict(of) for task, of in found.items()}
