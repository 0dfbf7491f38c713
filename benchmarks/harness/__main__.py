"""Reprotech compared with its alternatives, in one command; it starts and installs all that it needs.

    .venv/bin/python -m benchmarks.harness                                    everything, two hours
    .venv/bin/python -m benchmarks.harness --sizes 100 --rounds 1 --seconds 1 --only drf_stock --scenarios ''
    .venv/bin/python -m benchmarks.harness --add --sizes 1000000              one size again, added to the last figures
    .venv/bin/python -m benchmarks.harness --write                            the report again, from the last figures

It writes docs/benchmarks.md and the table in README.md after each size, so that what was measured isn't lost; the
figures of all rounds are kept in build/benchmarks. It needs PostgreSQL and Valkey from requirements-dev.txt, and
Node for better-auth.
"""

import argparse
from datetime import UTC, datetime

from benchmarks.harness import report, runner, scenarios
from benchmarks.harness.contenders import ALL, OTHERS, OURS, TASKS
from benchmarks.harness.environment import Environment, say
from benchmarks.harness.machine import describe, load

SCENARIOS = ("levels", "memory", "start", "saturation", "dashboards")


def main():
    """Measure, and write the report."""
    options = read_options()
    if options.write:
        report.write(report.saved("harness"))
        return
    names = [OURS.name, *options.only]
    earlier = report.saved("harness") if options.add else {}
    results = {
        "sizes": {},
        "measured": {},
        **earlier,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": earlier.get("load", [load(), load()]),
    }
    for size in sorted(options.sizes):
        environment = Environment(size, names)
        try:
            results["machine"] = describe(environment.postgresql)
            measure(environment, names, results, options)
        finally:
            environment.close()
        report.write(results)
    for goal in report.goals(results):
        say(f"{'met   ' if goal.is_met else 'MISSED'} {goal.what}: {report.spread_text(goal.measured)}")


def read_options():
    """The command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.harness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    others = [one.name for one in OTHERS]
    arguments.add_argument("--sizes", type=numbers, default=[100, 10_000, 1_000_000], help="users, separated by commas")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=4, help="length of a task in a round")
    arguments.add_argument("--connections", type=int, default=8)
    arguments.add_argument("--levels", type=numbers, default=[1, 8, 32], help="connections to compare by")
    for name, known in (("--only", others), ("--scenarios", SCENARIOS)):
        help_text = "of " + ", ".join(known) + "; '' for none"
        arguments.add_argument(name, type=lambda text, known=known: words(text, known), default=known, help=help_text)
    arguments.add_argument("--scenarios-at", type=int, default=10_000, help="the size at which scenarios are measured")
    arguments.add_argument("--add", action="store_true", help="keep the last figures of what is not measured now")
    arguments.add_argument("--write", action="store_true", help="write the report again and measure nothing")
    return arguments.parse_args()


def numbers(text):
    """A list of numbers."""
    return [int(number.replace("_", "")) for number in text.split(",")]


def words(text, known):
    """A list of known words."""
    chosen = [word for word in text.split(",") if word]
    if unknown := set(chosen) - set(known):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def measure(environment, names, results, options):
    """All tasks at one size."""
    for name in names:
        environment.check(name)
    say(f"{environment.users:,} users")
    timing = {"count": options.rounds, "seconds": options.seconds}
    figures = runner.rounds(environment, names, connections=options.connections, **timing)
    results["sizes"][str(environment.users)] = figures
    results["measured"][str(environment.users)] = {"seconds": options.seconds, "connections": options.connections}
    results["sizes"] = dict(sorted(results["sizes"].items(), key=lambda pair: int(pair[0])))
    results["load"] = [min(results["load"][0], load()), max(results["load"][1], load())]
    if environment.users == options.scenarios_at:
        measure_scenarios(environment, names, results, options)


def measure_scenarios(environment, names, results, options):
    """What is measured at one size only."""
    found = results.setdefault("scenarios", {})
    if "levels" in options.scenarios:
        results["levels"] = {
            str(level): runner.rounds(
                environment, names, count=options.rounds, connections=level, seconds=options.seconds, tasks=TASKS[:-1]
            )
            for level in options.levels
        }
    both = [name for name in (OURS.name, scenarios.PEER) if name in names and name in ALL]
    if "memory" in options.scenarios:  # before ours alone gets the connections of hundreds of dashboards
        found["memory"] = scenarios.memory(environment, both)
    if "saturation" in options.scenarios:
        found["saturation"] = scenarios.saturation(environment, names, options.rounds, options.seconds * 2)
    if "dashboards" in options.scenarios:
        found["dashboards"] = scenarios.dashboards(environment, options.seconds * 8)
    if "start" in options.scenarios:
        found["start"] = scenarios.start(environment, both, options.rounds)


if __name__ == "__main__":
    main()
