"""What was measured against what was wanted: its part of docs/benchmarks.md, and all figures below build/."""

from statistics import median
from typing import NamedTuple

from benchmarks.harness.report import PAGE, conditions, replace_part, save, table, verdict
from benchmarks.harness.results import Spread, figure, ratio, spread_text

#: The page shows only so many: those that grow most.
SHOWN = 20
#: The first page of who had access is compared with that of the users.
ACCESS, USERS = "access: a day", "users: first page"


class Line(NamedTuple):
    """A query at both sizes. Processor time is PostgreSQL's and Valkey's for an answer, in milliseconds."""

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
    """All of them, in the order of the queries."""
    small, large = (size["name"] for size in results["sizes"])
    return [
        Line(
            name,
            *(tuple(median(one[key] for one in of[size]) for key in ("p50", "p95")) for size in (small, large)),
            ratio(*([one["p95"] for one in of[size]] for size in (large, small))),
            of["goal"],
            *(cpu_of_an_answer(of[size]) for size in (small, large)),
        )
        for name, of in results["queries"].items()
    ]


def cpu_of_an_answer(figures):
    """Of all rounds together: the system counts in hundredths of a second."""
    return sum(one["database_cpu"] * one["count"] for one in figures) / sum(one["count"] for one in figures)


def merged(results, earlier):
    """With earlier figures of the same sizes for queries that were not measured now."""
    if earlier.get("sizes") != results["sizes"]:
        return results
    return {**results, "queries": {**earlier["queries"], **results["queries"]}}


def write(results):
    """The figures and the page."""
    save("growth", results)
    replace_part(PAGE, "growth", text(results))


def text(results):
    """The part of the page."""
    found = lines(results)
    how = (
        "Two servers with 2 worker processes each, on one PostgreSQL and one Valkey, answer {connections} connections "
        "by turns. {rounds} rounds of {seconds:g} s for each query and size; a figure is the median of the rounds. "
        "The growth of p95 is taken within each round, with its smallest and largest in brackets."
    ).format(**results["measured"])
    return "\n\n".join(
        [
            conditions(results["date"], results["machine"], results["load"], how),
            " ".join([summary(results["sizes"], found), *compared(results), "Those that grow most:"]),
            table_of(sorted(found, key=lambda line: -line.growth.median)[:SHOWN]),
        ]
    )


def summary(sizes, found):
    """How many goals are met."""
    met = sum(line.is_met for line in found)
    users, events = (
        "{:,} against {:,} {}".format(*(size[kind] for size in sizes[::-1]), kind) for kind in ("users", "events")
    )
    return f"With {users} and {events}, {met} of {len(found)} queries meet their goal."


def compared(results):
    """How much longer who had access takes than who is there, at the larger size, where both were measured."""
    if not {ACCESS, USERS} <= results["queries"].keys():
        return []
    large = results["sizes"][-1]["name"]
    rounds = [results["queries"][name][large] for name in (ACCESS, USERS)]
    p50, p95 = (spread_text(ratio(*([one[key] for one in of] for of in rounds))) for key in ("p50", "p95"))
    return [f"There, the first page of who had access on a day takes {p50} times as long as that of users, p95 {p95}."]


def table_of(found):
    """Markdown."""
    head = ["ms, p50 / p95", "small", "large", "growth of p95", "goal", "", "CPU ms of the databases"]
    return table(head, [row(line) for line in found])


def row(line):
    """The cells of a line."""
    return [
        line.name,
        " / ".join(map(figure, line.small)),
        " / ".join(map(figure, line.large)),
        spread_text(line.growth),
        f"≤ {line.goal:g}",
        verdict(line),
        f"{figure(line.small_cpu)} → {figure(line.large_cpu)}",
    ]


def plain_line(line):
    """A line for the terminal."""
    times = "  ".join(f"{figure(p50):>7} {figure(p95):>7}" for p50, p95 in (line.small, line.large))
    cpu = f"{line.small_cpu:6.2f} {line.large_cpu:8.2f}"
    judged = verdict(line).strip("*")
    return f"{line.name:42} {times}  {spread_text(line.growth):22} {line.goal:3g} {judged:6} {cpu}"
