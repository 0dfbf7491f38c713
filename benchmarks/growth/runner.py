"""Rounds: in each, every query is done at both sizes, one right after the other, in an order that rotates."""

import os

from benchmarks.harness.environment import generate, order_for, say
from benchmarks.harness.machine import load
from benchmarks.harness.results import rotated


def measure(environment, server, requests, connections, seconds):
    """One size's figures for a query."""
    before = environment.cpu_seconds(server)
    figures = generate(order_for(server.port, requests, connections, seconds))
    for part, spent in environment.cpu_seconds(server).items():
        figures[f"{part}_cpu"] = (spent - before[part]) / figures["count"] * 1000
    if figures.pop("unexpected"):
        raise SystemExit(f"{server.size.name}: unexpected answers to {requests[0]!r}")
    return figures


def rounds(environment, queries, *, count, connections, seconds):
    """{query: {size: [figures of each round]}} after one that doesn't count, and how many processes wanted a core."""
    requests = {query.name: {server.size.name: server.requests(query.paths(server)) for server in environment.servers}
                for query in queries}  # fmt: skip
    found = {query.name: {server.size.name: [] for server in environment.servers} for query in queries}
    loads = []
    for number in range(count + 1):
        began = os.times().elapsed
        for query in queries:
            for server in rotated(environment.servers, number):
                sent = requests[query.name][server.size.name]
                figures = measure(environment, server, sent, connections, seconds if number else min(seconds, 0.5))
                if number:
                    found[query.name][server.size.name].append(figures)
        loads.append(load())
        say(f"  round {number} of {count}: {os.times().elapsed - began:.0f} s, load {loads[-1]:.1f}")
    return found, loads
