"""What was measured against what was wanted: growth.json with all figures, and growth.md for people."""

import json
from statistics import median
from typing import NamedTuple

from benchmarks.compare.figures import Spread, figure, ratio, spread_text
from benchmarks.compare.report import DIRECTORY, table

INTRODUCTION = (
    "What becomes of Reprotech's answers while its tables grow. Written by `python -m benchmarks.growth`; all figures "
    "of all rounds are in `growth.json` beside this page."
)
TITLES = {
    "users": "{:,} users against {:,}",
    "audit": "{:,} audit events against {:,}",
}


class Line(NamedTuple):
    """A task at both sizes. Processor time is PostgreSQL's and Valkey's for an answer, in milliseconds."""

    name: str
    small: tuple[float, float]  # p50, p95
    large: tuple[float, float]
    growth: Spread  # of p95, within each round
    goal: float
    small_cpu: float
    large_cpu: float

    @property
    def is_met(self):
        """By the median of the rounds."""
        return self.growth.median <= self.goal


def lines(results):
    """All of them, in the order of the tasks."""
    small, large = (size["name"] for size in results["sizes"])
    return [
        Line(
            name,
            *(tuple(median(one[key] for one in of[size]) for key in ("p50", "p95")) for size in (small, large)),
            ratio(*([one["p95"] for one in of[size]] for size in (large, small))),
            of["goal"],
            *(cpu_of_an_answer(of[size]) for size in (small, large)),
        )
        for name, of in results["tasks"].items()
    ]


def cpu_of_an_answer(figures):
    """Of all rounds together: the system counts in hundredths of a second."""
    return sum(one["database_cpu"] * one["count"] for one in figures) / sum(one["count"] for one in figures)


def merged(results, earlier):
    """With earlier figures of the same sizes for tasks that were not measured now."""
    if earlier.get("sizes") != results["sizes"]:
        return results
    return {**results, "tasks": {**earlier["tasks"], **results["tasks"]}}


def read(directory=DIRECTORY):
    """The last figures, if there are any."""
    path = directory / "growth.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(results, directory=DIRECTORY):
    """Both files."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "growth.json").write_text(json.dumps(results, indent=1) + "\n")
    (directory / "growth.md").write_text(text(results))


def text(results):
    """The page."""
    found = lines(results)
    parts = ["# While tables grow", INTRODUCTION, conditions(results), summary(found)]
    for group, title in TITLES.items():
        of = [line for line in found if line.name.startswith(f"{group}: ")]
        if of:
            small, large = (size["users" if group == "users" else "events"] for size in results["sizes"])
            parts += [f"## {title.format(large, small)}", table_of(of)]
    return "\n\n".join(parts) + "\n"


def conditions(results):
    """What the figures depend on."""
    plain = {"processor", "memory", "system"}
    machine = "; ".join(value if name in plain else f"{name} {value}" for name, value in results["machine"].items())
    how = (
        "Two servers with 2 worker processes each, on one PostgreSQL and one Valkey, answer {connections} connections "
        "by turns. {rounds} rounds of {seconds:g} s for each task and size; a figure is the median of the rounds. "
        "The growth of p95 is taken within each round, and its smallest and largest are in brackets."
    ).format(**results["measured"])
    least, most = results["load"]
    return f"{results['date']}. {machine}. {how} Meanwhile {least:.1f} to {most:.1f} processes wanted a core."


def summary(found):
    """How many goals are met."""
    met = sum(line.is_met for line in found)
    return f"{met} of {len(found)} answers grow no more than they may."


def table_of(found):
    """Markdown."""
    head = ["ms, p50 / p95", "small", "large", "growth of p95", "goal", "", "CPU ms of the databases"]
    return table(head, [row(line) for line in found])


def row(line):
    """The cells of a line."""
    return [
        line.name.split(": ")[1],
        " / ".join(map(figure, line.small)),
        " / ".join(map(figure, line.large)),
        spread_text(line.growth),
        f"≤ {line.goal:g}",
        "met" if line.is_met else "**missed**",
        f"{figure(line.small_cpu)} → {figure(line.large_cpu)}",
    ]


def plain_line(line):
    """A line for the terminal."""
    times = "  ".join(f"{figure(p50):>7} {figure(p95):>7}" for p50, p95 in (line.small, line.large))
    verdict = "met" if line.is_met else "MISSED"
    cpu = f"{line.small_cpu:6.2f} {line.large_cpu:8.2f}"
    return f"{line.name:42} {times}  {spread_text(line.growth):22} {line.goal:3g} {verdict:6} {cpu}"
