"""The goals, and whether one run met them."""

from statistics import median
from typing import NamedTuple

from benchmarks.harness.contenders import OTHERS, OURS
from benchmarks.harness.results import Spread, best_of, ratio

MIDDLE, LARGE = "10000", "1000000"
OTHER_NAMES = [one.name for one in OTHERS]


class Row(NamedTuple):
    """One task at one size: our rate and that of the best contender; `ratio` is ours to theirs."""

    task: str
    users: int
    ours: Spread
    best: str | None
    theirs: Spread | None
    ratio: Spread | None


class Goal(NamedTuple):
    """What was measured against what was wanted."""

    what: str
    measured: Spread
    sign: str
    wanted: float
    #: The same by processor time, which doesn't depend on what else runs; None where it says nothing.
    by_cpu: float | None = None

    @property
    def is_met(self):
        """By the median of the rounds."""
        return self.measured.median >= self.wanted if self.sign == "≥" else self.measured.median <= self.wanted


def rates(figures, task):
    """{name: [answers a second, of each round]}."""
    return {name: [one["rate"] for one in of] for name, of in figures.get(task, {}).items()}


def row(figures, task, users):
    """A line of the comparison. Logins are compared with bcrypt alone: the others hash passwords differently."""
    of = rates(figures, task)
    ours, best = of[OURS.name], best_of(of, ["bcrypt"] if task == "login" else OTHER_NAMES)
    if best is None:
        return Row(task, users, Spread.of(ours), None, None, None)
    return Row(task, users, Spread.of(ours), best, Spread.of(of[best]), ratio(ours, of[best]))


def goals(results):
    """All that this run can judge."""
    sizes = results["sizes"]
    found = []
    for size, wanted in ((MIDDLE, {"me": 3, "list": 4}), (LARGE, {"list": 40, "search": 10})):
        for task, least in wanted.items():
            if size in sizes and (line := row(sizes[size], task, int(size))).ratio:
                what = f"{task}, {int(size):,} users: times the best of the others"
                found.append(Goal(what, line.ratio, "≥", least, cpu_ratio(sizes[size], task, OTHER_NAMES)))
    for task, baseline, least, what in (
        ("me", "empty_django", 0.25, "me: of an empty Django answer"),
        ("login", "bcrypt", 0.9, "logins: of what bcrypt alone allows"),
    ):
        if MIDDLE in sizes and baseline in (of := rates(sizes[MIDDLE], task)):
            by_cpu = cpu_ratio(sizes[MIDDLE], task, [baseline])
            found.append(Goal(what, ratio(of[OURS.name], of[baseline]), "≥", least, by_cpu))
    return found + scenario_goals(results.get("scenarios", {}))


def scenario_goals(scenarios):
    """Memory, the start, and how much those who do something else are noticed."""
    found = []
    if "memory" in scenarios and "drf_stock" in scenarios["memory"]:
        ours, theirs = (scenarios["memory"][name]["worker"] for name in (OURS.name, "drf_stock"))
        found.append(Goal("memory of a worker: times Django REST framework's", Spread.of([ours / theirs]), "≤", 1.2))
    if "start" in scenarios:
        found.append(
            Goal("seconds from the start to the first answer", Spread.of(scenarios["start"][OURS.name]), "≤", 2)
        )
    if "saturation" in scenarios:
        times = Spread.of([one["busy"] / one["idle"] for one in scenarios["saturation"][OURS.name]])
        found.append(Goal("me, p95: times the idle one while logins take all cores", times, "≤", 10))
    if "dashboards" in scenarios:
        share = scenarios["dashboards"]["polling"] - scenarios["dashboards"]["idle"]
        found.append(Goal("of a core, for 200 open dashboards on which nothing changes", Spread.of([share]), "≤", 0.05))
    return found


def cpu_ratio(figures, task, names):
    """By what our answers in a second of processor time exceed the best of these."""
    best = min(cpu(figures, task, name) for name in names if name in figures[task])
    return best / cpu(figures, task, OURS.name)


def cpu(figures, task, name):
    """Processor milliseconds of an answer, with the databases' part."""
    return sum(middle(figures, name, task, f"{part}_cpu") for part in ("server", "database"))


def middle(figures, name, task, key):
    """The median over the rounds of one of the client's figures."""
    return median(one[key] for one in figures[task][name])
