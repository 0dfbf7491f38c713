"""What is asked for at both sizes, and by how much its p95 may grow."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from benchmarks.harness.contenders import PER_PAGE

GROWTH, SEARCH_GROWTH = 1.5, 5.0
USERS, AUDIT, FIGURES, ACCESS = "/api/users", "/api/audit", "/api/users/analytics", "/api/access"
#: Of no person and no event; and the letters of no name, too few for an index of three letters each.
NOBODY, NO_LETTERS = "zyzzyva", "qx"


class Query(NamedTuple):
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


def fixed_query(name, base, goal=GROWTH, **query):
    """One query, the same at both sizes."""
    return Query(name, lambda _: [path(base, **query)], goal)


def sample_query(name, base, kind, parameter="", goal=GROWTH):
    """A query for each of the values that were found in the table."""
    return Query(
        name, lambda server: [path(base, **{parameter or kind: value}) for value in server.samples[kind]], goal
    )


def page_query(name, base, share, **query):
    """The page at a share of the list, the last one for 1."""

    def paths(server):
        pages = server.ask(path(base, per_page=PER_PAGE, **query))["pages"]
        return [path(base, page=max(1, int(pages * share)), per_page=PER_PAGE, **query)]

    return Query(name, paths)


def days_query(name, begins, ends):
    """Events of so many days around the one in the middle of the log; None for all."""

    def paths(server):
        middle = date.fromisoformat(server.samples["middle"])
        given = {"from": begins, "to": ends}
        moved = {key: middle + timedelta(days=days) for key, days in given.items() if days is not None}
        return [path(AUDIT, **moved)]

    return Query(name, paths)


def access_query(name, **query):
    """Who had access on days of the second half of the log."""
    return Query(name, lambda server: [path(ACCESS, on=day, **query) for day in later_days(server)])


def later_days(server):
    """Twenty, from the middle of the log to now."""
    middle = date.fromisoformat(server.samples["middle"])
    return [(middle + (datetime.now(UTC).date() - middle) * number // 20).isoformat() for number in range(20)]


def sentences_of_people(server):
    """Words of a kind of events with a name."""
    return [path(AUDIT, search=f"signed in {name}") for name in server.samples["user"]]


def sort_queries(sorts):
    """Each sort, both ways, at the first page and in the middle."""
    signed = [sign + name for name in sorts for sign in ("", "-")]
    return [
        *(fixed_query(f"users: sort {sort}", USERS, sort=sort) for sort in signed),
        *(page_query(f"users: sort {sort}, half-way", USERS, 0.5, sort=sort) for sort in signed),
    ]


def all_queries(sorts):
    """Every one; `sorts` are the columns that the list of users can be sorted by."""
    return [
        fixed_query("users: first page", USERS),
        page_query("users: half-way", USERS, 0.5),
        page_query("users: last page", USERS, 1),
        fixed_query("users: role of many", USERS, role="viewer"),
        fixed_query("users: role of few", USERS, role="manager"),
        *(
            fixed_query(f"users: {status}", USERS, status=status)
            for status in ("active", "inactive", "locked", "invited")
        ),
        fixed_query("users: invited, sorted", USERS, status="invited", sort="-last_login"),
        *(fixed_query(f"users: factor {answer}", USERS, factor=answer) for answer in ("yes", "no")),
        fixed_query("users: dormant", USERS, attention="dormant"),
        *(fixed_query(f"users: kind {kind}", USERS, kind=kind) for kind in ("person", "service")),
        fixed_query("users: role and status", USERS, role="viewer", status="active"),
        *sort_queries(sorts),
        fixed_query("users: search all", USERS, SEARCH_GROWTH, search="lab.example"),
        sample_query("users: search a first name", USERS, "first_name", "search", SEARCH_GROWTH),
        sample_query("users: search one", USERS, "people", "search", SEARCH_GROWTH),
        fixed_query("users: search nobody", USERS, SEARCH_GROWTH, search=NOBODY),
        fixed_query("users: search two letters, nobody", USERS, SEARCH_GROWTH, search=NO_LETTERS),
        fixed_query("users: figures", FIGURES),
        fixed_query("users: figures of 365 days", FIGURES, days=365),
        access_query("access: a day"),
        Query("access: a moment", lambda server: [path(ACCESS, at=f"{day}T12:00:00Z") for day in later_days(server)]),
        access_query("access: role of many", role="viewer"),
        access_query("access: role of few", role="manager"),
        access_query("access: permission", permission="lab_test_approve"),
        access_query("access: status", status="active"),
        Query(
            "access: one person",
            lambda server: [
                path(ACCESS, on=server.samples["middle"], user=number) for number in server.samples["involving"]
            ],
        ),
        fixed_query("audit: first page", AUDIT),
        page_query("audit: half-way", AUDIT, 0.5),
        page_query("audit: last page", AUDIT, 1),
        sample_query("audit: user", AUDIT, "user"),
        sample_query("audit: part of a name", AUDIT, "user", "user_contains"),
        sample_query("audit: involving", AUDIT, "involving"),
        fixed_query("audit: action of many", AUDIT, action="login"),
        fixed_query("audit: action of few", AUDIT, action="export"),
        fixed_query("audit: resource of many", AUDIT, resource="auth"),
        fixed_query("audit: resource of few", AUDIT, resource="demo_data"),
        sample_query("audit: resource id", AUDIT, "resource_id"),
        sample_query("audit: address", AUDIT, "ip_address"),
        fixed_query("audit: range of addresses", AUDIT, ip_address="10.0.0.0/8"),
        *(fixed_query(f"audit: {outcome}", AUDIT, outcome=outcome) for outcome in ("success", "failure")),
        fixed_query("audit: without a reason", AUDIT, reason="missing"),
        sample_query("audit: request", AUDIT, "request_id"),
        sample_query("audit: session", AUDIT, "session"),
        fixed_query("audit: last day", AUDIT, last="24h"),
        days_query("audit: a day", 0, 0),
        days_query("audit: a month", 0, 30),
        days_query("audit: from half-way", 0, None),
        days_query("audit: until half-way", None, 0),
        fixed_query("audit: action and outcome", AUDIT, action="login", outcome="failure"),
        fixed_query("audit: search many", AUDIT, search="page"),
        sample_query("audit: search few", AUDIT, "user", "search"),
        fixed_query("audit: search a sentence", AUDIT, search="signed in"),
        Query("audit: search a sentence of somebody", sentences_of_people),
        fixed_query("audit: search nothing", AUDIT, search=NOBODY),
    ]


def chosen(queries, words):
    """Those whose name holds one of the words; all without any."""
    return [query for query in queries if not words or any(word in query.name for word in words)]
