"""`benchmarks.growth`: what it asks for has answers, and what it makes of the figures."""

import json
import os

import pytest
from django.core.management import call_command

from accounts.user_list.filters import UserFilter
from accounts.users.default_data import load_default_data
from audit.event_query import AuditQuery
from benchmarks.growth import report, runner, seeding
from benchmarks.growth.environment import Server, Size
from benchmarks.growth.queries import all_queries, chosen
from benchmarks.harness import report as harness_report
from benchmarks.harness import sample_users
from benchmarks.harness.contenders import OURS, PASSWORD
from benchmarks.harness.environment import cpu_of, sign_in
from benchmarks.harness.results import Spread

USERS, EVENTS = 60, 400


class TinyEnvironment:
    """Both sizes are one server, that of the test."""

    def __init__(self, port):
        samples = seeding.samples(USERS)
        self.callers = [{"username": caller.username} for caller in sample_users.make_callers()]
        headers = [sign_in(OURS, self.callers[0], port)]
        self.servers = [
            Server(Size(USERS, events), port, os.getpid(), "", samples, headers) for events in (EVENTS, EVENTS + 1)
        ]

    def cpu_seconds(self, server):
        return cpu_of({"server": [server.pid], "database": [server.pid]})


@pytest.fixture
def environment(transactional_db, live_server, monkeypatch):
    """A server with a few people, of whom some may call."""
    monkeypatch.setenv("PASSWORD", PASSWORD)
    call_command("flush", interactive=False, verbosity=0)
    load_default_data()
    call_command("create_demo_data", users=USERS, audit_events=EVENTS, verbosity=0)
    return TinyEnvironment(live_server.thread.port)


@pytest.mark.only_on("postgresql")
def test_every_task_finds_what_it_asks_for(environment):
    server = environment.servers[0]
    found = {}
    for query in all_queries(UserFilter.sorts):
        answers = [server.ask(path) for path in query.paths(server)]
        found[query.name] = all(
            answer.get("users") or answer.get("logs") or "user_growth" in answer for answer in answers
        )
    nothing = {name for name, is_found in found.items() if not is_found}
    # Few people, of whom some kinds are rare.
    rare = {
        "access: role of few",
        "access: one person",
        "users: role of few",
        "users: locked",
        "users: invited",
        "users: invited, sorted",
        "users: dormant",
    }
    assert nothing - rare - {"audit: action of few", "audit: a day"} == {
        "users: kind service",
        "users: search nobody",
        "users: search two letters, nobody",
        "audit: search nothing",
    }


@pytest.mark.only_on("postgresql")
def test_a_round_measures_both_sizes_and_is_written_down(environment, tmp_path, monkeypatch):
    queries = chosen(all_queries(UserFilter.sorts), ["audit: first page"])
    found, loads = runner.rounds(environment, queries, count=2, connections=2, seconds=0.1)
    assert len(loads) == 3
    sizes = [{"name": server.size.name, **server.size._asdict()} for server in environment.servers]
    made = {**results(), "sizes": sizes, "queries": {"audit: first page": {"goal": 1.5, **found["audit: first page"]}}}
    page = tmp_path / "page.md"
    page.write_text("<!-- written by python -m benchmarks.growth -->\n<!-- /benchmarks.growth -->\nthe rest")
    monkeypatch.setattr(harness_report, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(report, "PAGE", page)
    report.write(made)
    assert harness_report.saved("growth") == json.loads(json.dumps(made))
    assert "audit: first page" in page.read_text()
    assert page.read_text().endswith("the rest")
    (line,) = report.lines(made)
    assert 0 < line.small[0] <= line.small[1]
    assert 0 < line.growth.least <= line.growth.median <= line.growth.most
    assert line.small_cpu > 0 < line.large_cpu


@pytest.mark.only_on("sqlite")  # it asks no database
def test_every_sort_of_users_and_every_filter_of_events_is_asked_for():
    class Known:
        samples = {kind: ["1"] for kind in (*seeding.KINDS, "people", "first_name")} | {"middle": "2026-01-31"}

        def ask(self, _):
            return {"pages": 7}

    paths = {path for query in all_queries(UserFilter.sorts) for path in query.paths(Known())}
    for sort in UserFilter.sorts:
        for signed in (sort, f"-{sort}"):
            assert {f"/api/users?sort={signed}", f"/api/users?page=3&per_page=10&sort={signed}"} <= paths
    asked = {
        name for path in paths if path.startswith("/api/audit?") for name in AuditQuery().fields if f"{name}=" in path
    }
    assert asked == set(AuditQuery().fields)


def of(p95s, cpus):
    return [
        {"p50": p95 / 2, "p95": p95, "count": 100 * (number + 1), "server_cpu": 1, "database_cpu": cpu}
        for number, (p95, cpu) in enumerate(zip(p95s, cpus, strict=True))
    ]


def results():
    """Figures of three rounds, in the second of which the machine was half as fast."""
    small, large = "growth_10_20", "growth_100_200"
    return {
        "date": "2026-01-01",
        "machine": {"Python": "3"},
        "load": [1, 2],
        "sizes": [{"name": small, "users": 1_000, "events": 20}, {"name": large, "users": 100_000, "events": 200}],
        "measured": {"rounds": 3, "seconds": 1, "connections": 2},
        "queries": {
            "users: first page": {"goal": 1.5, small: of([2, 4, 2], [1, 1, 1]), large: of([3, 6, 4], [1, 1, 3])},
            "audit: user": {"goal": 1.5, small: of([2, 4, 2], [1, 1, 1]), large: of([4, 8, 3], [1, 1, 1])},
        },
    }


@pytest.mark.only_on("sqlite")
def test_growth_is_taken_within_each_round_and_judged_by_its_median():
    first, second = report.lines(results())
    assert (first.growth, first.is_met) == (Spread(1.5, 1.5, 2), True)
    assert (second.growth, second.is_met) == (Spread(2, 1.5, 2), False)
    assert (first.small, first.large) == ((1, 2), (2, 4))
    assert first.large_cpu == 2  # the last round had half of all answers


@pytest.mark.only_on("sqlite")
def test_the_page_says_what_was_measured():
    text = report.text(results())
    assert "With 100,000 against 1,000 users and 200 against 20 events, 1 of 2 queries meet their goal." in text
    assert text.index("| audit: user |") < text.index("| users: first page |")  # what grows most comes first
    growth = "1.50 (1.50\N{EN DASH}2.00)"
    assert f"| users: first page | 1.00 / 2.00 | 2.00 / 4.00 | {growth} | ≤ 1.5 | met | 1.00 → 2.00 |" in text
    assert "| ≤ 1.5 | **missed** | 1.00 → 1.00 |" in text


@pytest.mark.only_on("sqlite")
def test_who_had_access_is_compared_with_who_is_there():
    made = results()
    assert "who had access" not in report.text(made)
    figures = {"growth_10_20": of([2, 4, 2], [1, 1, 1]), "growth_100_200": of([6, 6, 6], [1, 1, 1])}
    made["queries"]["access: a day"] = {"goal": 1.5, **figures}
    took = "takes 1.50 (1.00\N{EN DASH}2.00) times as long as that of users"
    assert f"There, the first page of who had access on a day {took}" in report.text(made)


@pytest.mark.only_on("sqlite")
def test_what_is_not_measured_again_stays_unless_the_sizes_changed():
    earlier, now = results(), results()
    del now["queries"]["audit: user"]
    assert [*report.merged(now, earlier)["queries"]] == ["users: first page", "audit: user"]
    assert report.merged(now, {}) == now
    now["sizes"][0]["users"] = 11
    assert report.merged(now, earlier) == now
