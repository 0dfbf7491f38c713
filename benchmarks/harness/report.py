"""Writes what was measured: its part of docs/benchmarks.md, the README's table, and all figures below build/."""

import json
import re
from statistics import median

from benchmarks.harness.contenders import ALL, OURS, TASKS, THREADS, WORKERS
from benchmarks.harness.goals import LARGE, MIDDLE, goals, middle, rates, row
from benchmarks.harness.installation import ROOT
from benchmarks.harness.results import Spread, figure, ratio, spread_text
from benchmarks.harness.runner import LOGIN_CONNECTIONS

#: The figures of each round, for `--add` and `--write`; thousands of lines, so they are not in the repository.
FIGURES = ROOT / "build" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
WHAT = {
    "me": "Who am I",
    "list": "Users, first page",
    "deep page": "Users, nine tenths in",
    "search": "Users, search within names",
    "login": "Sign in",
}
BASELINES = {"bcrypt": "bcrypt alone", "sql": "its SQL alone", "empty_django": "an empty Django answer"}


def write(results):
    """Everything."""
    save("harness", results)
    replace_part(PAGE, "harness", text(results))
    replace_part(README, "harness", short_table(results))


def save(name, results):
    """Keep the figures of the last run."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")


def saved(name):
    """The figures of the last run; {} when there was none on this machine."""
    path = FIGURES / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def replace_part(file, name, written):
    """Put the text between the program's marks."""
    file.write_text(with_part(file.read_text(), name, written))


def with_part(document, name, written):
    """The document with the text between the marks of `benchmarks.<name>`."""
    begin, end = f"<!-- written by python -m benchmarks.{name} -->", f"<!-- /benchmarks.{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    assert pattern.search(document), f"the document has no {begin}"
    return pattern.sub(lambda _: f"{begin}\n{written}\n{end}", document)


def table(head, rows):
    """Markdown."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short_table(results):
    """Answers a second, ours and the best of the others, at the largest sizes."""
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
    title = BASELINES.get(line.best) or ALL[line.best].title
    return [*start, f"{figure(line.theirs.median)} ({title})", spread_text(line.ratio)]


def text(results):
    """The part of the page."""
    parts = [
        conditions(results["date"], results["machine"], results["load"], method()),
        "### Goals\n\n" + goal_table(results),
        *(size_section(figures, size, results["measured"][size]) for size, figures in results["sizes"].items()),
        connections_section(results.get("levels", {})),
        scenario_section(results.get("scenarios", {})),
        "### Contenders\n\n" + contender_table(results),
    ]
    return "\n\n".join(part for part in parts if part)


def conditions(date, machine, loads, how):
    """When, of which commit, on which machine and how it was measured."""
    plain = {"processor", "memory", "system"}
    parts = "; ".join(value if name in plain else f"{name} {value}" for name, value in machine.items())
    least, most = loads
    return (
        f"Measured on {date}: {parts}. {how} The machine's load average was {least:.1f} to {most:.1f}, the measured "
        f"processes included."
    )


def method():
    """How rounds are done."""
    return (
        f"Each server has {WORKERS} worker processes, and {THREADS} threads in each if it uses threads. All answer the "
        f"same client on the same number of connections, at most {LOGIN_CONNECTIONS} for sign-ins. In each round every "
        f"contender does every task, in an order that rotates. A figure is the median of the rounds; a ratio is taken "
        f"within each round, with its smallest and largest in brackets."
    )


def goal_table(results):
    """Each with what was measured."""
    lines = [
        [
            goal.what,
            spread_text(goal.measured),
            f"{goal.sign} {goal.wanted:g}",
            verdict(goal),
            figure(goal.by_cpu) if goal.by_cpu else "",
        ]
        for goal in goals(results)
    ]
    return table(["goal", "measured", "wanted", "", "by processor time"], lines)


def verdict(line):
    """Of anything that has a goal."""
    return "met" if line.is_met else "**missed**"


def size_section(figures, size, measured):
    """Rates and processor time of each contender at one size."""
    names = [name for name in ALL if name in figures["me"]]
    length = "Rounds: {count}, of {seconds:g} s for each task, on {connections} connections."
    return "\n\n".join(
        [
            f"### {int(size):,} users",
            length.format(count=len(figures["me"][OURS.name]), **measured),
            rate_table(figures, names),
            detail_table("ms, p50 / p95", " / ", figures, names, ("p50", "p95")),
            detail_table("CPU ms, server + database", " + ", figures, names, ("server_cpu", "database_cpu")),
        ]
    )


def rate_table(figures, names):
    """Answers a second, with the baseline of a task where there is one."""
    lines = []
    for task in TASKS:
        of = rates(figures, task)
        baseline = next((name for name in of if name in BASELINES), None)
        line = [WHAT[task], *(figure(median(of[name])) for name in names)]
        lines.append([*line, baseline_text(of, baseline) if baseline else ""])
    return table(["answers a second", *(ALL[name].title for name in names), "upper bound"], lines)


def baseline_text(of, baseline):
    """The bound, and our share of it."""
    share = spread_text(ratio(of[OURS.name], of[baseline]))
    return f"{BASELINES[baseline]}: {figure(median(of[baseline]))}; ours is {share} of it"


def detail_table(title, sign, figures, names, keys):
    """Two medians of each contender for each task. Other programs on the machine change processor time little."""

    def cell(name, task):
        return sign.join(figure(middle(figures, name, task, key)) for key in keys)

    lines = [[WHAT[task], *(cell(name, task) for name in names)] for task in TASKS]
    return table([title, *(ALL[name].title for name in names)], lines)


def connections_section(levels):
    """Our rates by the number of connections."""
    if not levels:
        return ""
    tasks = next(iter(levels.values()))
    lines = [
        [WHAT[task], *(figure(median(rates(of, task)[OURS.name])) for of in levels.values())]
        for task in TASKS
        if task in tasks
    ]
    return "### By connections\n\n" + table(["answers a second", *levels], lines)


def scenario_section(scenarios):
    """What isn't a rate."""
    sentences = []
    if "memory" in scenarios:
        each = [f"{ALL[name].title} {one['worker'] / 2**20:.0f} MB ({one['all'] / 2**20:.0f} MB for all its processes)"
                for name, one in scenarios["memory"].items()]  # fmt: skip
        sentences.append("Memory of a worker after the tasks (PSS): " + "; ".join(each) + ".")
    if "start" in scenarios:
        each = [
            f"{ALL[name].title} {spread_text(Spread.of(taken), ' s')}" for name, taken in scenarios["start"].items()
        ]
        sentences.append("From the command to the first answer, at a second start: " + "; ".join(each) + ".")
    if "saturation" in scenarios:
        each = [saturation_sentence(name, rounds) for name, rounds in scenarios["saturation"].items()]
        sentences.append(
            "Who am I, p95, idle and while more people sign in than the cores can check: " + "; ".join(each) + "."
        )
    if "dashboards" in scenarios:
        one = scenarios["dashboards"]
        quiet, first = (f"{one[name] - one['idle']:.1%}" for name in ("polling", "first"))
        sentences.append(
            f"200 open dashboards cost {quiet} of one core once nothing has changed for a minute, {first} before that, "
            f"PostgreSQL included; with none open it is {one['idle']:.1%}. p95 of a poll: {figure(one['p95'])} ms."
        )
    return "\n".join(["### Other measurements", "", *(f"- {sentence}" for sentence in sentences)]) if sentences else ""


def saturation_sentence(name, rounds):
    """Idle and busy."""
    idle, busy = (Spread.of([one[key] for one in rounds]) for key in ("idle", "busy"))
    return f"{ALL[name].title} {figure(idle.median)} and {figure(busy.median)} ms"


def contender_table(results):
    """How each is served, and how it stores passwords."""
    names = [name for name in ALL if name in next(iter(results["sizes"].values()))["me"]]
    return table(
        ["", "server", "passwords"], [[ALL[name].title, ALL[name].served_by, ALL[name].hashing] for name in names]
    )
