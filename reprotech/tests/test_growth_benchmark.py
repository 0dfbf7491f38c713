"""`benchmarks.growth`: what it asks for has answers, and what it makes of the figures."""

import json
import os

import pytest
from django.core.management import call_command

from accounts.filters import UserFilter
from accounts.services.defaults import load_default_data
from audit.filters import AuditQuery
from benchmarks.compare import people
from benchmarks.compare.contestants import OURS, PASSWORD
from benchmarks.compare.figures import Spread
from benchmarks.compare.stage import cpu_of, sign_in
from benchmarks.growth import filling, measuring, report
from benchmarks.growth.stage import Server, Size
from benchmarks.growth.tasks import all_tasks, chosen

USERS, EVENTS = 60, 400


class TinyStage:
    """Both sizes are one server, that of the test."""

    def __init__(self, port):
        samples = filling.samples(USERS)
        self.callers = [{"username": caller.username} for caller in people.make_callers()]
        headers = [sign_in(OURS, self.callers[0], port)]
        self.servers = [
            Server(Size(USERS, events), port, os.getpid(), "", samples, headers) for events in (EVENTS, EVENTS + 1)
        ]

    def cpu_seconds(self, server):
        return cpu_of({"server": [server.pid], "database": [server.pid]})


@pytest.fixture
def stage(transactional_db, live_server, monkeypatch):
    """A server with a few people, of whom some may call."""
    monkeypatch.setenv("PASSWORD", PASSWORD)
    call_command("flush", interactive=False, verbosity=0)
    load_default_data()
    call_command("create_demo_data", users=USERS, audit_events=EVENTS, verbosity=0)
    return TinyStage(live_server.thread.port)


@pytest.mark.only_on("postgresql")
def test_every_task_finds_what_it_asks_for(stage):
    server = stage.servers[0]
    found = {}
    for task in all_tasks(UserFilter.sorts):
        answers = [server.ask(path) for path in task.paths(server)]
        found[task.name] = all(
            answer.get("users") or answer.get("logs") or "user_growth" in answer for answer in answers
        )
    nothing = {name for name, is_found in found.items() if not is_found}
    # Few people, of whom some kinds are rare.
    assert nothing - {"users: role of few", "users: locked", "audit: action of few", "audit: a day"} == {
        "users: kind service",
        "users: search nobody",
        "users: search two letters, nobody",
        "audit: search nothing",
    }


@pytest.mark.only_on("postgresql")
def test_a_round_measures_both_sizes_and_is_written_down(stage, tmp_path):
    tasks = chosen(all_tasks(UserFilter.sorts), ["audit: first page"])
    found, loads = measuring.rounds(stage, tasks, count=2, connections=2, seconds=0.1)
    assert len(loads) == 3
    sizes = [{"name": server.size.name, **server.size._asdict()} for server in stage.servers]
    made = {**results(), "sizes": sizes, "tasks": {"audit: first page": {"goal": 1.5, **found["audit: first page"]}}}
    report.write(made, tmp_path)
    assert report.read(tmp_path) == json.loads(json.dumps(made))
    (line,) = report.lines(made)
    assert 0 < line.small[0] <= line.small[1]
    assert 0 < line.growth.least <= line.growth.median <= line.growth.most
    assert line.small_cpu > 0 < line.large_cpu


@pytest.mark.only_on("sqlite")  # it asks no database
def test_every_sort_of_users_and_every_filter_of_events_is_asked_for():
    class Known:
        samples = {kind: ["1"] for kind in (*filling.KINDS, "people", "first_name")} | {"middle": "2026-01-31"}

        def ask(self, _):
            return {"pages": 7}

    paths = {path for task in all_tasks(UserFilter.sorts) for path in task.paths(Known())}
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
        "tasks": {
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
    assert "1 of 2 answers grow no more than they may." in text
    assert "## 100,000 users against 1,000" in text
    assert "## 200 audit events against 20" in text
    assert "| first page | 1.00 / 2.00 | 2.00 / 4.00 | 1.50 (1.50\N{EN DASH}2.00) | ≤ 1.5 | met | 1.00 → 2.00 |" in text
    assert "| ≤ 1.5 | **missed** | 1.00 → 1.00 |" in text


@pytest.mark.only_on("sqlite")
def test_what_is_not_measured_again_stays_unless_the_sizes_changed():
    earlier, now = results(), results()
    del now["tasks"]["audit: user"]
    assert [*report.merged(now, earlier)["tasks"]] == ["users: first page", "audit: user"]
    assert report.merged(now, {}) == now
    now["sizes"][0]["users"] = 11
    assert report.merged(now, earlier) == now
