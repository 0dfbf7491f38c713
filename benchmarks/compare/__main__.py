"""Reprotech beside what people would otherwise take, in one command; it starts and installs all that it needs.

    .venv/bin/python -m benchmarks.compare                                    everything, two hours
    .venv/bin/python -m benchmarks.compare --sizes 100 --rounds 1 --seconds 1 --only drf_stock --parts ''
    .venv/bin/python -m benchmarks.compare --add --sizes 1000000              one size again, beside the last figures
    .venv/bin/python -m benchmarks.compare --write                            the report again, from the last figures

It writes docs/benchmarks and the table in README.md after each size, so that what was measured isn't lost. It needs
PostgreSQL and Valkey from requirements-dev.txt, and Node for better-auth.
"""

import argparse
import json
from datetime import UTC, datetime

from benchmarks.compare import measuring, parts, report
from benchmarks.compare.contestants import ALL, OTHERS, OURS, TASKS
from benchmarks.compare.machine import describe, load
from benchmarks.compare.stage import Stage, say

PARTS = ("levels", "memory", "start", "saturation", "dashboards")


def main():
    """Measure what is asked for and write it down."""
    options = read_options()
    if options.write:
        report.write(json.loads((report.DIRECTORY / "results.json").read_text()))
        return
    names = [OURS.name, *options.only]
    earlier = json.loads((report.DIRECTORY / "results.json").read_text()) if options.add else {}
    results = {
        "sizes": {},
        "measured": {},
        **earlier,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": earlier.get("load", [load(), load()]),
    }
    for size in sorted(options.sizes):
        stage = Stage(size, names)
        try:
            results["machine"] = describe(stage.postgresql)
            measure(stage, names, results, options)
        finally:
            stage.close()
        report.write(results)
    for goal in report.goals(results):
        say(f"{'met   ' if goal.is_met else 'MISSED'} {goal.what}: {report.spread_text(goal.measured)}")


def read_options():
    """The command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    others = [one.name for one in OTHERS]
    arguments.add_argument("--sizes", type=numbers, default=[100, 10_000, 1_000_000], help="users, separated by commas")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=4, help="length of a task in a round")
    arguments.add_argument("--connections", type=int, default=8)
    arguments.add_argument("--levels", type=numbers, default=[1, 8, 32], help="connections to compare by")
    for name, known in (("--only", others), ("--parts", PARTS)):
        help_text = "of " + ", ".join(known) + "; '' for none"
        arguments.add_argument(name, type=lambda text, known=known: words(text, known), default=known, help=help_text)
    arguments.add_argument("--parts-at", type=int, default=10_000, help="the size at which the parts are measured")
    arguments.add_argument("--add", action="store_true", help="keep the last figures of what is not measured now")
    arguments.add_argument("--write", action="store_true", help="write the report again and measure nothing")
    return arguments.parse_args()


def numbers(text):
    """Of a list."""
    return [int(number.replace("_", "")) for number in text.split(",")]


def words(text, known):
    """Of a list, each known."""
    chosen = [word for word in text.split(",") if word]
    if unknown := set(chosen) - set(known):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def measure(stage, names, results, options):
    """Everything at one size."""
    for name in names:
        stage.check(name)
    say(f"{stage.users:,} users")
    timing = {"count": options.rounds, "seconds": options.seconds}
    figures = measuring.rounds(stage, names, connections=options.connections, **timing)
    results["sizes"][str(stage.users)] = figures
    results["measured"][str(stage.users)] = {"seconds": options.seconds, "connections": options.connections}
    results["sizes"] = dict(sorted(results["sizes"].items(), key=lambda pair: int(pair[0])))
    results["load"] = [min(results["load"][0], load()), max(results["load"][1], load())]
    if stage.users == options.parts_at:
        measure_parts(stage, names, results, options)


def measure_parts(stage, names, results, options):
    """What is measured at one size alone."""
    found = results.setdefault("parts", {})
    if "levels" in options.parts:
        results["levels"] = {
            str(level): measuring.rounds(
                stage, names, count=options.rounds, connections=level, seconds=options.seconds, tasks=TASKS[:-1]
            )
            for level in options.levels
        }
    both = [name for name in (OURS.name, parts.PEER) if name in names and name in ALL]
    if "memory" in options.parts:  # before ours alone gets the connections of hundreds of dashboards
        found["memory"] = parts.memory(stage, both)
    if "saturation" in options.parts:
        found["saturation"] = parts.saturation(stage, names, options.rounds, options.seconds * 2)
    if "dashboards" in options.parts:
        found["dashboards"] = parts.dashboards(stage, options.seconds * 8)
    if "start" in options.parts:
        found["start"] = parts.start(stage, both, options.rounds)


if __name__ == "__main__":
    main()
