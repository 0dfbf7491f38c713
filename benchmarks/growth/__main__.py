"""How our own answers change while tables grow, in one command; it starts and fills all that it needs.

    .venv/bin/python -m benchmarks.growth                                      everything, about an hour
    .venv/bin/python -m benchmarks.growth --keep DIRECTORY                     fills databases once and keeps them
    .venv/bin/python -m benchmarks.growth --keep DIRECTORY --add --tasks sort  those again, beside the last figures
    .venv/bin/python -m benchmarks.growth --users 1000,20000 --events 10000,200000 --output build/growth

Before anything is measured the servers have sealed all events and put up their signposts, as they do by themselves,
and PostgreSQL has vacuumed and analyzed. It writes docs/benchmarks/growth.json and growth.md, and needs PostgreSQL and
Valkey from requirements-dev.txt.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compare.machine import describe, load
from benchmarks.compare.stage import say
from benchmarks.growth import measuring, report
from benchmarks.growth.stage import Size, Stage
from benchmarks.growth.tasks import all_tasks, chosen


def main(arguments=None):
    """Measure what is asked for and write it down."""
    options = read_options(arguments)
    sizes = [Size(*pair) for pair in zip(options.users, options.events, strict=True)]
    stage = Stage(sizes, options.keep, options.sessions)
    try:
        tasks = chosen(all_tasks(stage.servers[0].samples["sorts"]), options.tasks)
        timing = {"connections": options.connections, "seconds": options.seconds}
        found, loads = measuring.rounds(stage, tasks, count=options.rounds, **timing)
        results = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": describe(stage.postgresql),
            "sizes": [{"name": size.name, **size._asdict()} for size in sizes],
            "measured": {"rounds": options.rounds, **timing},
            "load": [min(loads), max(loads)],
            "tasks": {task.name: {"goal": task.goal, **found[task.name]} for task in tasks},
        }
    finally:
        stage.close()
    print("\n".join(map(report.plain_line, report.lines(results))))
    report.write(report.merged(results, report.read(options.output)) if options.add else results, options.output)


def read_options(given):
    """The command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--users", type=pair, default=[1_000, 1_000_000], help="at both sizes")
    arguments.add_argument("--events", type=pair, default=[10_000, 10_000_000], help="at both sizes")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1, help="length of a task in a round")
    arguments.add_argument("--connections", type=int, default=2)
    arguments.add_argument("--sessions", type=int, default=40, help="each may make 6,000 calls a minute")
    arguments.add_argument("--tasks", type=words, default=[], help="parts of names, separated by commas")
    arguments.add_argument("--keep", type=Path, help="where databases stay, to be used again")
    arguments.add_argument("--add", action="store_true", help="keep the last figures of what is not measured now")
    arguments.add_argument("--output", type=Path, default=report.DIRECTORY)
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
