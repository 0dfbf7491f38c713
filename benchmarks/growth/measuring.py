"""Rounds: in each, every task is done at both sizes, one right after the other, in an order that rotates."""

import os

from benchmarks.compare.figures import rotated
from benchmarks.compare.machine import load
from benchmarks.compare.stage import generate, order_for, say


def measure(stage, server, requests, connections, seconds):
    """One size's figures for a task."""
    before = stage.cpu_seconds(server)
    figures = generate(order_for(server.port, requests, connections, seconds))
    for part, spent in stage.cpu_seconds(server).items():
        figures[f"{part}_cpu"] = (spent - before[part]) / figures["count"] * 1000
    if figures.pop("unexpected"):
        raise SystemExit(f"{server.size.name}: unexpected answers to {requests[0]!r}")
    return figures


def rounds(stage, tasks, *, count, connections, seconds):
    """{task: {size: [figures of each round]}} after one that doesn't count, and how many processes wanted a core."""
    requests = {task.name: {server.size.name: server.requests(task.paths(server)) for server in stage.servers}
                for task in tasks}  # fmt: skip
    found = {task.name: {server.size.name: [] for server in stage.servers} for task in tasks}
    loads = []
    for number in range(count + 1):
        began = os.times().elapsed
        for task in tasks:
            for server in rotated(stage.servers, number):
                sent = requests[task.name][server.size.name]
                figures = measure(stage, server, sent, connections, seconds if number else min(seconds, 0.5))
                if number:
                    found[task.name][server.size.name].append(figures)
        loads.append(load())
        say(f"  round {number} of {count}: {os.times().elapsed - began:.0f} s, load {loads[-1]:.1f}")
    return found, loads
