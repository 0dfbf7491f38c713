"""Rounds: each contender does each task once, in an order that rotates, so that none always gets the quiet moments."""

import json
import os
import sys
from collections import defaultdict

from benchmarks.harness.contenders import OURS, TASKS, request
from benchmarks.harness.environment import generate, order_for, say
from benchmarks.harness.installation import ROOT, run
from benchmarks.harness.results import rotated

#: What nothing exceeds, and the task that it bounds.
BASELINES = {"bcrypt": "login", "sql": "list", "empty_django": "me"}
#: A login takes longer than anything else, so a round of logins is longer, with few at a time.
LOGIN_SECONDS, LOGIN_CONNECTIONS = 2.5, 4


def measure(environment, name, task, connections, seconds):
    """One contender's or baseline's figures for a task."""
    if task == "login":
        connections, seconds = min(connections, LOGIN_CONNECTIONS), seconds * LOGIN_SECONDS
    if name in {"bcrypt", "sql"}:
        return measure_baseline(environment, name, connections, seconds)
    port = environment.ports[name]
    requests = environment.requests(name, task) if name != "empty_django" else [request("GET", "/", port, {})]
    before = environment.cpu_seconds(name)
    figures = generate(order_for(port, requests, connections, seconds))
    # On a busy machine elapsed time depends on the other programs; processor time hardly does.
    for part, spent in environment.cpu_seconds(name).items():
        figures[f"{part}_cpu"] = (spent - before[part]) / figures["count"] * 1000
    if figures["unexpected"]:
        raise SystemExit(f"{name}, {task}: {figures['unexpected']}")
    return figures


def measure_baseline(environment, name, connections, seconds):
    """A baseline without a server."""
    command = [sys.executable, "-m", "benchmarks.harness.baselines", name, "--seconds", str(seconds)]
    command += ["--connections", str(connections), "--database", environment.databases[OURS.name]]
    before = environment.cpu_seconds(OURS.name)["database"]
    figures = json.loads(run(command, cwd=ROOT))
    figures["database_cpu"] = (environment.cpu_seconds(OURS.name)["database"] - before) / figures["count"] * 1000
    return figures


def rounds(environment, names, *, count, connections, seconds, tasks=TASKS):
    """{task: {name: [figures of each round]}} after one that doesn't count."""
    found = {task: defaultdict(list) for task in tasks}
    for number in range(count + 1):
        is_warm = number > 0
        length = seconds if is_warm else min(seconds, 1)
        began = os.times().elapsed
        for task in tasks:
            bounds = [baseline for baseline, of in BASELINES.items() if of == task]
            for name in rotated([*names, *bounds], number):
                figures = measure(environment, name, task, connections, length)
                if is_warm:
                    found[task][name].append(figures)
        took = os.times().elapsed - began
        say(
            f"  {connections} connections, round {number} of {count}: {took:.0f} s"
            + ("" if is_warm else ", to warm up")
        )
    return {task: dict(of) for task, of in found.items()}
