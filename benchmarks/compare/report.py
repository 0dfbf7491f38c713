"""Writes what was measured: docs/benchmarks with the report, its pictures and all figures, and the README's table."""

import json
import re
from statistics import median

from benchmarks.compare.contestants import ALL, OTHERS, OURS, TASKS, THREADS, WORKERS
from benchmarks.compare.environments import ROOT
from benchmarks.compare.figures import Spread, figure, ratio, spread_text
from benchmarks.compare.goals import LARGE, MIDDLE, goals, middle, rates, row
from benchmarks.compare.measuring import LOGIN_CONNECTIONS
from benchmarks.compare.plots import charts

DIRECTORY = ROOT / "docs" / "benchmarks"
README = ROOT / "README.md"
MARKS = ("<!-- benchmarks: written by python -m benchmarks.compare -->", "<!-- /benchmarks -->")
WHAT = {
    "me": "Who am I",
    "list": "Users, first page",
    "deep page": "Users, nine tenths in",
    "search": "Users, search within names",
    "login": "Sign in",
}
INTRODUCTION = (
    "What Reprotech answers in a second, with everything on, beside what one would otherwise take or write. "
    "Written by `python -m benchmarks.compare`; all figures of all rounds are in [results.json](results.json)."
)
LIMIT_TITLES = {"bcrypt": "bcrypt alone", "sql": "its SQL alone", "empty_django": "an empty Django answer"}


def write(results):
    """All of it."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    (DIRECTORY / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    pictures = {"sizes.svg": by_size(results), "connections.svg": by_connections(results)}
    for name, svg in pictures.items():
        if svg:
            (DIRECTORY / name).write_text(svg)
    (DIRECTORY / "README.md").write_text(text(results, [name for name, svg in pictures.items() if svg]))
    README.write_text(with_table(README.read_text(), short_table(results)))


def with_table(readme, table):
    """The README with the table between its marks."""
    begin, end = MARKS
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    assert pattern.search(readme), "the README has no place for the table"
    return pattern.sub(lambda _: f"{begin}\n{table}\n{end}", readme)


def table(head, rows):
    """Markdown."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short_table(results):
    """The one table that matters: answers a second, ours and the best of the others, at the largest sizes."""
    lines = []
    for task in TASKS:
        for size in (size for size in (MIDDLE, LARGE) if size in results["sizes"]):
            if size == LARGE and task in {"me", "login"} and MIDDLE in results["sizes"]:
                continue  # they don't depend on how many users there are
            lines.append(short_row(results["sizes"][size], task, int(size)))
    return table(["Answers a second", "users", "Reprotech", "best of the others", "times"], lines)


def short_row(figures, task, users):
    """One line of it."""
    line = row(figures, task, users)
    start = [WHAT[task], f"{users:,}", figure(line.ours.median)]
    if line.best is None:
        return [*start, "", ""]
    title = LIMIT_TITLES.get(line.best) or ALL[line.best].title
    return [*start, f"{figure(line.theirs.median)} ({title})", spread_text(line.ratio)]


def text(results, pictures):
    """The report."""
    parts = [
        "# Measured beside others",
        INTRODUCTION,
        conditions(results),
        "## Goals\n\n" + goal_table(results),
        *(f"![Answers a second {name.removesuffix('.svg')}]({name})" for name in pictures),
        *(size_section(figures, size, results["measured"][size]) for size, figures in results["sizes"].items()),
        part_sections(results.get("parts", {})),
        contestants(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def conditions(results):
    """What the figures depend on."""
    plain = {"processor", "memory", "system"}
    machine = "; ".join(value if name in plain else f"{name} {value}" for name, value in results["machine"].items())
    least, most = results["load"]
    return (
        f"{results['date']}. {machine}. Each server has {WORKERS} worker processes, and {THREADS} threads in each if "
        f"it has threads. All answer the same client on the same number of connections, {LOGIN_CONNECTIONS} at most to "
        f"sign in. In each round everyone does each task, in an order that rotates. A figure is the median of the "
        f"rounds; a ratio is taken within each round, and its smallest and largest are in brackets. While this was "
        f"measured, {least:.1f} to {most:.1f} processes wanted a core, the measured ones among them. More of them than "
        f"cores slow down most whoever passes work between processes; only the processor time of an answer bears that."
    )


def goal_table(results):
    """Each with what was measured."""
    lines = [
        [
            goal.what,
            spread_text(goal.measured),
            f"{goal.sign} {goal.wanted:g}",
            "met" if goal.is_met else "**missed**",
            figure(goal.by_cpu) if goal.by_cpu else "",
        ]
        for goal in goals(results)
    ]
    return table(["goal", "measured", "wanted", "", "by processor time"], lines)


def size_section(figures, size, measured):
    """Everyone's figures at one size."""
    names = [name for name in ALL if name in figures["me"]]
    count = len(figures["me"][OURS.name])
    length = "{count} rounds of {seconds:g} s for each task, on {connections} connections."
    parts = [
        f"## {int(size):,} users",
        length.format(count=count, **measured),
        rate_table(figures, names),
        latency_table(figures, names),
    ]
    parts.append(cpu_table(figures, names))
    return "\n\n".join(parts)


def rate_table(figures, names):
    """Answers a second, with what nothing exceeds."""
    lines = []
    for task in TASKS:
        of = rates(figures, task)
        limit = next((name for name in of if name in LIMIT_TITLES), None)
        line = [WHAT[task], *(figure(median(of[name])) for name in names)]
        lines.append([*line, bound_text(of, limit) if limit else ""])
    return table(["answers a second", *(ALL[name].title for name in names), "limit"], lines)


def bound_text(of, limit):
    """What nothing exceeds, and our share of it."""
    share = spread_text(ratio(of[OURS.name], of[limit]))
    return f"{LIMIT_TITLES[limit]}: {figure(median(of[limit]))}; ours is {share} of it"


def latency_table(figures, names):
    """Milliseconds, of half and of 95 of 100 answers."""

    def both(name, task):
        return " / ".join(figure(middle(figures, name, task, key)) for key in ("p50", "p95"))

    lines = [[WHAT[task], *(both(name, task) for name in names)] for task in TASKS]
    return table(["ms, p50 / p95", *(ALL[name].title for name in names)], lines)


def cpu_table(figures, names):
    """Processor milliseconds of an answer, which what else runs on the machine changes little."""

    def both(name, task):
        return " + ".join(figure(middle(figures, name, task, f"{part}_cpu")) for part in ("server", "database"))

    lines = [[WHAT[task], *(both(name, task) for name in names)] for task in TASKS]
    return table(["CPU ms, server + database", *(ALL[name].title for name in names)], lines)


def part_sections(parts):
    """What isn't a rate."""
    sentences = []
    if "memory" in parts:
        each = [f"{ALL[name].title} {one['worker'] / 2**20:.0f} MB ({one['all'] / 2**20:.0f} MB for all its processes)"
                for name, one in parts["memory"].items()]  # fmt: skip
        sentences.append("Memory of a worker after the tasks, shared pages by share (PSS): " + "; ".join(each) + ".")
    if "start" in parts:
        each = [f"{ALL[name].title} {spread_text(Spread.of(taken), ' s')}" for name, taken in parts["start"].items()]
        sentences.append("From the command to the first answer, at a second start: " + "; ".join(each) + ".")
    if "saturation" in parts:
        each = [saturation_sentence(name, rounds) for name, rounds in parts["saturation"].items()]
        sentences.append(
            "Who am I, p95, idle and while more people sign in than the cores can check: " + "; ".join(each) + "."
        )
    if "dashboards" in parts:
        one = parts["dashboards"]
        quiet, first = (f"{one[name] - one['idle']:.1%}" for name in ("polling", "first"))
        sentences.append(
            f"200 open dashboards on which nothing has changed for a minute cost {quiet} of one core with PostgreSQL's "
            f"part, {first} before that, beside {one['idle']:.1%} when none is open; p95 of a poll is "
            f"{figure(one['p95'])} ms."
        )
    return "\n".join(["## Beside rates", "", *(f"- {sentence}" for sentence in sentences)]) if sentences else ""


def saturation_sentence(name, rounds):
    """Idle and busy, and by what it grows."""
    idle, busy = (Spread.of([one[key] for one in rounds]) for key in ("idle", "busy"))
    return f"{ALL[name].title} {figure(idle.median)} and {figure(busy.median)} ms"


def contestants(results):
    """Who they are, and what is fair and what isn't."""
    names = [name for name in ALL if name in next(iter(results["sizes"].values()))["me"]]
    lines = [[ALL[name].title, ALL[name].served_by, ALL[name].hashing] for name in names]
    notes = (DIRECTORY / "notes.md").read_text().strip()
    return "## Who is compared\n\n" + table(["", "server", "passwords"], lines) + "\n\n" + notes


def by_size(results):
    """Rates by the number of users, when there are two sizes at least."""
    if len(results["sizes"]) < 2:
        return None
    by = {int(size): figures for size, figures in results["sizes"].items()}
    return charts("Answers a second by the number of users", panels_of(by), "users")


def by_connections(results):
    """Rates by the number of connections."""
    levels = results.get("levels", {})
    if len(levels) < 2:
        return None
    return charts(
        "Answers a second by connections", panels_of({int(level): of for level, of in levels.items()}), "connections"
    )


def panels_of(by):
    """{task: {who: {x: answers a second}}}."""
    names = [OURS.name, *(one.name for one in OTHERS)]
    return {
        WHAT[task]: {
            ALL[name].title: {x: median(rates(of, task)[name]) for x, of in by.items() if name in of.get(task, {})}
            for name in names
            if any(name in of.get(task, {}) for of in by.values())
        }
        for task in TASKS
        if any(task in of for of in by.values())
    }
