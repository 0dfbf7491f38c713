"""Maintenance mode: one command closes all doors, with a word to everybody, whatever the database does.

Tests that don't ask for the database may not touch it: that nothing here needs one is part of what they prove.
"""

import io
import json
import os
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from playwright.sync_api import expect

from reprotech import maintenance_mode
from reprotech.maintenance_mode import Maintenance
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import error_of
from reprotech.testing.commands import manage
from reprotech.testing.servers import free_port
from reprotech.tests.support.browser_actions import sign_in

UNTIL = datetime(2099, 12, 24, 14, tzinfo=UTC)
ANNOUNCED = Maintenance("A new freezer. Back at 14:00", UNTIL)


@pytest.fixture(autouse=True)
def own_file(settings, tmp_path):
    settings.MAINTENANCE_FILE = tmp_path / "run" / "maintenance.json"
    return settings.MAINTENANCE_FILE


@pytest.fixture
def closed():
    maintenance_mode.enable(ANNOUNCED)


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


def order(*arguments):
    """What the command prints."""
    output = io.StringIO()
    call_command("maintenance", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.parametrize("path", ["/", "/login", "/users?search=ada", "/admin/", "/no-such-page", "/set-password/1/x"])
def test_a_page_says_what_is_going_on_and_until_when(closed, visitor, path):
    answer = visitor.get(path)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Reprotech is being maintained" in page
    assert "A new freezer. Back at 14:00. It should be over by 24 Dec 2099, 14:00 UTC." in page
    assert 'href="/static/css/reprotech.css"' in page
    assert (answer["Cache-Control"], "default-src 'none'" in answer["Content-Security-Policy"]) == ("no-store", True)
    assert abs(int(answer["Retry-After"]) - (UNTIL - datetime.now(UTC)).total_seconds()) < 60


def test_a_form_that_is_sent_is_not_offered_to_be_sent_again(closed, visitor):
    assert "Try again</a>" not in visitor.post("/users/new", {"username": "ada"}).content.decode()
    assert (
        '<a class="btn btn-primary" href="/users?page=2">Try again</a>' in visitor.get("/users?page=2").content.decode()
    )


def test_what_is_announced_is_text_and_never_markup(visitor):
    maintenance_mode.enable(Maintenance("<script>alert(1)</script>"))
    assert "&lt;script&gt;" in visitor.get("/").content.decode()
    assert "<script>" not in visitor.get("/").content.decode()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/users", "/api/auth/login", "/api/no-such-call/", "/api/schema"])
def test_the_api_says_so_in_its_own_way(closed, visitor, method, path):
    answer = visitor.generic(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/json")
    if method != "HEAD":
        assert error_of(answer) == {
            "error": f"Reprotech is being maintained. {ANNOUNCED.sentence}",
            "code": "maintenance",
            "until": "2099-12-24T14:00:00Z",
        }


def test_without_an_announced_end_there_is_none_to_tell(visitor):
    maintenance_mode.enable(Maintenance())
    answer = visitor.get("/api/users")
    assert error_of(answer) == {
        "error": "Reprotech is being maintained. What was saved is safe. Try again in a few minutes.",
        "code": "maintenance",
    }
    assert answer["Retry-After"] == "120"


def test_an_announced_end_that_is_over_opens_nothing(visitor):
    maintenance_mode.enable(Maintenance(until=datetime.now(UTC) - timedelta(hours=1)))
    answer = visitor.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_a_part_of_a_page_gets_a_sentence_to_show(closed, visitor):
    answer = visitor.get("/users?search=ada", HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["Content-Type"]) == (503, "text/plain; charset=utf-8")
    assert answer.content.decode().endswith("14:00 UTC. What you typed is still here.")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready/", "/metrics"])
def test_probes_and_figures_go_on(closed, visitor, path):
    assert visitor.get(path).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"until": "soon"}', b'{"until": 7}', b"\xff\xfe"])
def test_a_file_made_by_hand_closes_the_doors_too(own_file, visitor, content):
    own_file.parent.mkdir()
    own_file.write_bytes(content)
    answer = visitor.get("/")
    assert answer.status_code == 503
    assert "Try again in a few minutes." in answer.content.decode()


@pytest.mark.django_db
def test_open_doors_cost_no_query(django_assert_num_queries, visitor):
    with django_assert_num_queries(0):
        assert visitor.get("/login").status_code == 200


# The command


@pytest.mark.django_db
def test_the_command_closes_tells_and_opens_and_the_log_says_so(visitor):
    with audit_rows() as rows:
        assert order("status") == order("off") == "Maintenance mode is off.\n"
        said = order("on", "--message", " Back \n at 14:00 ", "--until", "2099-12-24T15:00+01:00")
        assert said == "Maintenance mode is on: Back at 14:00. It should be over by 24 Dec 2099, 14:00 UTC.\n"
        assert order("status") == said
        assert visitor.get("/login").status_code == 503
        order("on", "--until", "2099-12-24T16:00")
        assert order("off") == "Maintenance mode is off.\n"
        assert visitor.get("/login").status_code == 200
    assert [(row.username, row.action, row.resource, row.success) for row in rows] == [
        ("system", "update", "settings", True)
    ] * 3
    assert [row.changes for row in rows] == [
        {
            "maintenance": [False, True],
            "message": [None, "Back at 14:00"],
            "until": [None, "2099-12-24T14:00:00Z"],
        },
        {"message": ["Back at 14:00", ""], "until": ["2099-12-24T14:00:00Z", "2099-12-24T16:00:00Z"]},
        {"maintenance": [True, False], "message": ["", None], "until": ["2099-12-24T16:00:00Z", None]},
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["on", "--until", "2001-01-01"], "is over already"),
        (["on", "--until", "two o'clock"], "is no time such as"),
        (["on", "--message", "x" * 501], "at most 500 characters"),
        (["off", "--message", "Done"], "go with on"),
        (["pause"], "invalid choice"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(own_file, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        order(*arguments)
    assert not own_file.exists()


def test_the_command_says_when_it_cannot_write(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.MAINTENANCE_FILE = tmp_path / "file" / "maintenance.json"
    with pytest.raises(CommandError, match=r"can't be written"):
        order("on")
    assert maintenance_mode.current() is None


@pytest.mark.only_on("postgresql")
def test_the_command_works_while_the_database_is_down(tmp_path):
    file = tmp_path / "maintenance.json"
    unreachable = f"postgresql://reprotech@127.0.0.1:{free_port()}/postgres"
    environment = {**os.environ, "MAINTENANCE_FILE": str(file), "DATABASE_URL": unreachable}
    done = manage("maintenance", "on", env=environment)
    assert "Maintenance mode is on: What was saved is safe." in done.stdout
    assert "This isn't in the audit log, since the database does not answer" in done.stderr
    assert json.loads(file.read_text()) == {"message": "", "until": None}


# A server as people run it


def maintain(server, *arguments):
    assert manage("maintenance", *arguments, env=server.env, cwd=server.log.parent).returncode == 0


@pytest.fixture
def closable(server):
    yield server
    maintain(server, "off")


def status_of(server, path):
    # Without the header the connection, and with it the process, might stay the same.
    try:
        with urlopen(Request(f"{server.url}{path}", headers={"Connection": "close"})) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_every_process_of_a_running_server_obeys_at_once_and_opens_again(closable):
    maintain(closable, "on")
    assert {status_of(closable, "/login") for _ in range(20)} == {503}
    assert status_of(closable, "/api/health/ready") == 200
    assert status_of(closable, "/static/css/reprotech.css") == 200
    maintain(closable, "off")
    assert {status_of(closable, "/login") for _ in range(20)} == {200}


@pytest.mark.only_on("postgresql")
def test_what_one_types_meanwhile_stays_and_works_once_it_is_over(page, closable):
    page.expected_errors.append("503")
    sign_in(page, to="/users")
    maintain(closable, "on", "--message", "A new freezer")
    page.get_by_label("Search", exact=True).press_sequentially("system adm")
    page.get_by_text("Reprotech is being maintained. A new freezer. What you typed is still here.").first.wait_for()
    expect(page.get_by_label("Search", exact=True)).to_have_value("system adm")
    maintain(closable, "off")
    page.get_by_label("Search", exact=True).press_sequentially("in")
    page.wait_for_url("**search=system%20admin")
    page.get_by_role("link", name="System Administrator").wait_for()
