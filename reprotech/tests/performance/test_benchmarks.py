"""The comparison's own arithmetic, and its client against a server that answers in every way that HTTP knows."""

import re
import socketserver
import threading

import pytest

from benchmarks import soak
from benchmarks.harness import goals, report
from benchmarks.harness.client import Run, parse, summary
from benchmarks.harness.results import Spread, best_of, figure, quantile, ratio, rotated, spread_text
from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database

ANSWERS = {
    b"/length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"/nothing": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    b"/last": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
    b"/refused": b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow",
}


class Answers(socketserver.StreamRequestHandler):
    """Sends each answer in two parts, and closes where it says so."""

    def handle(self):
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            path = line.split()[1]
            self.server.asked.append(path)
            answer = ANSWERS[path]
            self.wfile.write(answer[:20])
            self.wfile.flush()
            self.wfile.write(answer[20:])
            if path == b"/last":
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Answers) as found:
        found.asked = []
        threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield found
        found.shutdown()


def run(server, *paths, connections=2, expected=(200, 304), **more):
    requests = [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths]
    made = Run(
        address=server.server_address,
        requests=requests,
        connections=connections,
        seconds=0.3,
        expected=expected,
        **more,
    )
    made.go()
    return made


def test_the_client_reads_every_kind_of_answer_and_waits_for_the_last(server):
    made = run(server, "/length", "/chunks", "/nothing", "/last")
    assert set(server.asked) == {b"/length", b"/chunks", b"/nothing", b"/last"}
    assert len(made.times) == len(server.asked) > 8
    assert made.unexpected == []
    assert 0 < max(made.times) <= made.elapsed


def test_the_client_tells_of_answers_that_nobody_expected(server):
    made = run(server, "/length", "/refused")
    assert "429: slow" in made.unexpected


@pytest.mark.parametrize("connections", [1, 4])
def test_with_a_pause_each_connection_asks_once_in_a_while(server, connections):
    made = run(server, "/length", connections=connections, pause=10)
    assert len(made.times) == 1  # the others' turns come within ten seconds


@pytest.mark.parametrize("path", ANSWERS)
def test_an_answer_is_complete_with_its_last_byte_and_not_before(path):
    answer = ANSWERS[path]
    ends_by_closing = path == b"/last"
    assert parse(answer, is_closed=ends_by_closing)[0] == int(answer[9:12])
    assert {parse(answer[:length], is_closed=False) for length in range(len(answer))} == {None}


def test_a_quantile_is_a_value_that_was_measured():
    values = [3, 1, 2, 10]
    assert [quantile(values, share) for share in (0.25, 0.5, 0.75, 0.95, 1)] == [1, 2, 3, 10, 10]
    assert quantile(range(1, 101), 0.95) == 95
    assert quantile([7], 0.5) == 7


def test_a_summary_counts_what_came_by_the_time_that_it_took():
    assert summary([0.1, 0.3, 0.2], 2) == {"rate": 1.5, "p50": 200, "p95": 300, "count": 3, "unexpected": []}


def test_a_ratio_compares_each_round_with_itself():
    # The machine was half as fast in the second round, which says nothing about who is faster.
    assert ratio([100, 50, 90], [10, 5, 30]) == Spread(10, 3, 10)


def test_everyone_is_first_once():
    assert [rotated("abc", number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert sorted(rotated("abc", 2)) == ["a", "b", "c"]


def test_the_best_is_the_one_with_the_highest_median():
    rates = {"a": [1, 100, 2], "b": [3, 3, 3], "ours": [9, 9, 9]}
    assert best_of(rates, ["a", "b", "missing"]) == "b"
    assert best_of(rates, ["missing"]) is None


def test_figures_show_three_digits_that_matter():
    assert [figure(value) for value in (1234.5, 99.94, 9.996, 0.123)] == ["1,234", "99.9", "10.00", "0.12"]
    assert spread_text(Spread(2, 1, 30), " s") == "2.00 s (1.00\N{EN DASH}30.0)"


def of(rate):
    return [
        {
            "rate": rate * factor,
            "p50": 1000 / rate,
            "p95": 2000 / rate,
            "server_cpu": 300 / rate,
            "database_cpu": 100 / rate,
        }
        for factor in (1, 2, 4)
    ]


def results():
    """Figures of three rounds, the machine twice as fast in each."""
    figures = {
        task: {"reprotech": of(40 * rate), "drf_stock": of(10 * rate), "flask_original": of(8 * rate)}
        for task, rate in {"me": 10, "list": 5, "deep page": 4, "search": 3, "login": 1}.items()
    }
    figures["me"]["empty_django"] = of(1000)
    figures["login"]["bcrypt"] = of(50)
    memory = {"reprotech": {"worker": 120, "all": 300}, "drf_stock": {"worker": 80, "all": 200}}
    return {
        "date": "2026-01-01", "load": [1, 2],
        "measured": {size: {"seconds": 1.5, "connections": 8} for size in ("10000", "1000000")},
        "machine": {"Python": "3"},
        "sizes": {"10000": figures, "1000000": figures}, "levels": {"1": figures, "8": figures},
        "scenarios": {
            "memory": memory, "start": {"reprotech": [1.5, 1.7, 1.6]},
            "saturation": {"reprotech": [{"idle": 2, "busy": 10}, {"idle": 1, "busy": 12}, {"idle": 2, "busy": 22}]},
            "dashboards": {"idle": 0.01, "first": 0.15, "polling": 0.05, "p95": 9, "rate": 50},
        },
    }  # fmt: skip


def test_goals_are_judged_by_the_medians_of_what_was_measured():
    judged = {
        goal.what: (round(goal.measured.median, 3), goal.by_cpu and round(goal.by_cpu, 3), goal.is_met)
        for goal in goals.goals(results())
    }
    assert judged == {
        "me, 10,000 users: times the best of the others": (4, 4, True),
        "list, 10,000 users: times the best of the others": (4, 4, True),
        "list, 1,000,000 users: times the best of the others": (4, 4, False),
        "search, 1,000,000 users: times the best of the others": (4, 4, False),
        "me: of an empty Django answer": (0.4, 0.4, True),
        "logins: of what bcrypt alone allows": (0.8, 0.8, False),
        "memory of a worker: times Django REST framework's": (1.5, None, False),
        "seconds from the start to the first answer": (1.6, None, True),
        "me, p95: times the idle one while logins take all cores": (11, None, False),
        "of a core, for 200 open dashboards on which nothing changes": (0.04, None, True),
    }


def test_the_readme_gets_one_table_and_keeps_the_rest():
    table = report.short_table(results())
    assert "| Users, first page | 1,000,000 | 400 | 100 (Django REST framework) | 4.00 (4.00\N{EN DASH}4.00) |" in table
    # Others check passwords by other means, so nobody is better or worse at it.
    assert "| Sign in | 10,000 | 80.0 | 100 (bcrypt alone) | 0.80 (0.80\N{EN DASH}0.80) |" in table
    readme = report.README.read_text()
    once = report.with_part(readme, "harness", table)
    assert report.with_part(once, "harness", table) == once
    marks = ("<!-- written by python -m benchmarks.harness -->", "<!-- /benchmarks.harness -->")
    pattern = "{}.*{}".format(*map(re.escape, marks))
    assert re.split(pattern, once, flags=re.DOTALL) == re.split(pattern, readme, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["harness", "growth"])
def test_the_page_has_a_place_for_each_program(name):
    page = report.PAGE.read_text()
    assert "new figures" in report.with_part(page, name, "new figures")
    with pytest.raises(AssertionError):
        report.with_part("no marks", name, "new figures")


def test_the_report_says_what_was_measured():
    text = report.text(results())
    assert "bcrypt alone: 100; ours is 0.80 (0.80\N{EN DASH}0.80) of it" in text
    what = "search, 1,000,000 users: times the best of the others"
    assert f"| {what} | 4.00 (4.00\N{EN DASH}4.00) | ≥ 10 | **missed** | 4.00 |" in text
    assert "Measured on 2026-01-01: Python 3." in text
    assert "Rounds: 3, of 1.5 s for each task, on 8 connections." in text
    assert "Reprotech 1.60 s (1.50\N{EN DASH}1.70)" in text


def test_each_contender_pins_what_it_installs():
    for directory in (ROOT / "benchmarks" / "contenders").iterdir():
        if not (directory / "app.py").exists():
            continue
        lines = (directory / "requirements.txt").read_text().splitlines()
        loose = [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)]
        assert loose == [], directory.name


@pytest.mark.parametrize(
    ("values", "has_grown"),
    [
        ([50, 70, 71, 70, 71, 70, 71, 72], False),  # full after a while
        ([50, 62, 70, 76, 80, 80, 81, 81], False),  # full at last
        ([157, 117, 149, 120, 157, 117, 149, 120] * 2, False),  # comes and goes
        ([50, 60, 70, 72, 74, 76, 78, 80], True),
        ([50], False),
    ],
)
def test_a_soak_finds_what_grows_on_and_not_what_comes_and_goes(values, has_grown):
    assert soak.growth("memory", [{"memory": value} for value in values]) is has_grown
