"""How our own answers change while tables grow, in one command; it starts and fills all that it needs.

    .venv/bin/python -m benchmarks.growth                                      everything, about an hour
    .venv/bin/python -m benchmarks.growth --keep DIRECTORY                     fills databases once and keeps them
    .venv/bin/python -m benchmarks.growth --keep DIRECTORY --add --queries sort  those again, added to the last figures
    .venv/bin/python -m benchmarks.growth --users 1000,20000 --events 10000,200000 --no-page

Before anything is measured the servers have sealed all events and built the page index, as they do by themselves, and
PostgreSQL has vacuumed and analyzed. It writes its part of docs/benchmarks.md, keeps the figures of all rounds in
build/benchmarks, and needs PostgreSQL and Valkey from requirements-dev.txt.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.growth import report, runner
from benchmarks.growth.environment import Environment, Size
from benchmarks.growth.queries import all_queries, chosen
from benchmarks.harness.environment import say
from benchmarks.harness.machine import describe, load
from benchmarks.harness.report import saved


def main(arguments=None):
    """Measure, and write the report."""
    options = read_options(arguments)
    sizes = [Size(*pair) for pair in zip(options.users, options.events, strict=True)]
    environment = Environment(sizes, options.keep, options.sessions)
    try:
        queries = chosen(all_queries(environment.servers[0].samples["sorts"]), options.queries)
        timing = {"connections": options.connections, "seconds": options.seconds}
        found, loads = runner.rounds(environment, queries, count=options.rounds, **timing)
        results = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": describe(environment.postgresql),
            "sizes": [{"name": size.name, **size._asdict()} for size in sizes],
            "measured": {"rounds": options.rounds, **timing},
            "load": [min(loads), max(loads)],
            "queries": {query.name: {"goal": query.goal, **found[query.name]} for query in queries},
        }
    finally:
        environment.close()
    print("\n".join(map(report.plain_line, report.lines(results))))
    if not options.no_page:
        report.write(report.merged(results, saved("growth")) if options.add else results)


def read_options(given):
    """The command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--users", type=pair, default=[1_000, 1_000_000], help="at both sizes")
    arguments.add_argument("--events", type=pair, default=[10_000, 10_000_000], help="at both sizes")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1, help="length of a query in a round")
    arguments.add_argument("--connections", type=int, default=2)
    arguments.add_argument("--sessions", type=int, default=40, help="each may make 6,000 calls a minute")
    arguments.add_argument("--queries", type=words, default=[], help="parts of names, separated by commas")
    arguments.add_argument("--keep", type=Path, help="where databases stay, to be used again")
    arguments.add_argument("--add", action="store_true", help="keep the last figures of what is not measured now")
    arguments.add_argument("--no-page", action="store_true", help="only print the figures")
    return arguments.parse_args(given)


def pair(text):
    """Two numbers."""
    found = [int(number.replace("_", "")) for number in text.split(",")]
    if len(found) != 2:
        raise argparse.ArgumentTypeError("give two numbers, the smaller size first")
    return found


def words(text):
    """Separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    say(f"load {load():.1f}")
    main()
