"""What is asked for at both sizes, and by how much its p95 may grow."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from benchmarks.compare.contestants import PER_PAGE

GROWTH, SEARCH_GROWTH = 1.5, 5.0
USERS, AUDIT, FIGURES = "/api/users", "/api/audit", "/api/users/analytics"
#: Of no person and no event; and the letters of no name, too few for an index of three letters each.
NOBODY, NO_LETTERS = "zyzzyva", "qx"


class Task(NamedTuple):
    """Something to ask for: of a server, the paths with their queries."""

    name: str
    paths: Callable[[Any], list[str]]
    goal: float = GROWTH

    @property
    def group(self):
        """Which of the two tables grows."""
        return self.name.split(":")[0]


def path(base, **query):
    """A path with its query; a name may end with an underscore where Python has it as a word."""
    return f"{base}?{urlencode({name.rstrip('_'): value for name, value in query.items()})}"


def query_task(name, base, goal=GROWTH, **query):
    """One query, the same at both sizes."""
    return Task(name, lambda _: [path(base, **query)], goal)


def sample_task(name, base, kind, parameter="", goal=GROWTH):
    """A query for each of the values that were found in the table."""
    return Task(name, lambda server: [path(base, **{parameter or kind: value}) for value in server.samples[kind]], goal)


def page_task(name, base, share, **query):
    """The page at a share of the list, the last one for 1."""

    def paths(server):
        pages = server.ask(path(base, per_page=PER_PAGE, **query))["pages"]
        return [path(base, page=max(1, int(pages * share)), per_page=PER_PAGE, **query)]

    return Task(name, paths)


def days_task(name, begins, ends):
    """Events of so many days around the one in the middle of the log; None for all."""

    def paths(server):
        middle = date.fromisoformat(server.samples["middle"])
        given = {"from": begins, "to": ends}
        moved = {key: middle + timedelta(days=days) for key, days in given.items() if days is not None}
        return [path(AUDIT, **moved)]

    return Task(name, paths)


def sort_tasks(sorts):
    """Each sort, both ways, at the first page and in the middle."""
    signed = [sign + name for name in sorts for sign in ("", "-")]
    return [
        *(query_task(f"users: sort {sort}", USERS, sort=sort) for sort in signed),
        *(page_task(f"users: sort {sort}, half-way", USERS, 0.5, sort=sort) for sort in signed),
    ]


def all_tasks(sorts):
    """Every one; `sorts` are the columns that the list of users can be sorted by."""
    return [
        query_task("users: first page", USERS),
        page_task("users: half-way", USERS, 0.5),
        page_task("users: last page", USERS, 1),
        query_task("users: role of many", USERS, role="viewer"),
        query_task("users: role of few", USERS, role="manager"),
        *(query_task(f"users: {status}", USERS, status=status) for status in ("active", "inactive", "locked")),
        *(query_task(f"users: kind {kind}", USERS, kind=kind) for kind in ("person", "service")),
        query_task("users: role and status", USERS, role="viewer", status="active"),
        *sort_tasks(sorts),
        query_task("users: search all", USERS, SEARCH_GROWTH, search="lab.example"),
        sample_task("users: search a first name", USERS, "first_name", "search", SEARCH_GROWTH),
        sample_task("users: search one", USERS, "people", "search", SEARCH_GROWTH),
        query_task("users: search nobody", USERS, SEARCH_GROWTH, search=NOBODY),
        query_task("users: search two letters, nobody", USERS, SEARCH_GROWTH, search=NO_LETTERS),
        query_task("users: figures", FIGURES),
        query_task("users: figures of 365 days", FIGURES, days=365),
        query_task("audit: first page", AUDIT),
        page_task("audit: half-way", AUDIT, 0.5),
        page_task("audit: last page", AUDIT, 1),
        sample_task("audit: user", AUDIT, "user"),
        sample_task("audit: involving", AUDIT, "involving"),
        query_task("audit: action of many", AUDIT, action="login"),
        query_task("audit: action of few", AUDIT, action="export"),
        query_task("audit: resource of many", AUDIT, resource="auth"),
        query_task("audit: resource of few", AUDIT, resource="demo_data"),
        sample_task("audit: resource id", AUDIT, "resource_id"),
        sample_task("audit: address", AUDIT, "ip_address"),
        *(query_task(f"audit: {outcome}", AUDIT, outcome=outcome) for outcome in ("success", "failure")),
        sample_task("audit: request", AUDIT, "request_id"),
        sample_task("audit: session", AUDIT, "session"),
        days_task("audit: a day", 0, 0),
        days_task("audit: a month", 0, 30),
        days_task("audit: from half-way", 0, None),
        days_task("audit: until half-way", None, 0),
        query_task("audit: action and outcome", AUDIT, action="login", outcome="failure"),
        query_task("audit: search many", AUDIT, search="page"),
        sample_task("audit: search few", AUDIT, "user", "search"),
        query_task("audit: search nothing", AUDIT, search=NOBODY),
    ]


def chosen(tasks, words):
    """Those whose name holds one of the words; all without any."""
    return [task for task in tasks if not words or any(word in task.name for word in words)]
