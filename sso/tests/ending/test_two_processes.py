"""What one server process takes away, both refuse with their next request, and the program hears of it at once."""

import secrets
from contextlib import ExitStack

import pytest

from benchmarks.faults.http_client import Client
from reprotech.testing.cast import PASSWORD
from reprotech.testing.plugin import ROOT, check_alive, start_server
from reprotech.testing.servers import free_port, wait_for
from sso.tests.support.logout_receiver import LogoutReceiver
from sso.tests.support.wire_program import CALLBACK, Browser, WireProgram

# SQLite serves one process.
pytestmark = pytest.mark.only_on("postgresql")

NEW = "Other-Horse-8"


class Pair:
    """Two servers of one process each, on one database and one Valkey."""

    def __init__(self, processes):
        first = start_server(processes, "postgresql", WORKERS="1")
        self.processes, self.running = processes, [first.process]
        port = free_port()
        home = first.log.parent / f"beside-{port}"
        home.mkdir()
        env = first.env | {"PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics")}
        self.running.append(processes.start([ROOT / "deploy" / "serve"], home / "output", env=env, cwd=home))
        wait_for(self.running[1], home / "output", lambda: check_alive(port), patience=300)
        self.env, self.ports = env, [int(first.env["PORT"]), port]
        self.clients = [Client(port, timeout=60) for port in self.ports]
        body = {"username": "admin", "password": "Admin123!"}
        self.admin = self.clients[0].ask("POST", "/api/auth/login", body).body["access_token"]
        self.receiver = LogoutReceiver()
        self.program = self.make_program()

    def change(self, method, path, body=None, client=1, token=None):
        answer = self.clients[client].ask(method, path, body, token or self.admin)
        assert answer.is_good, answer
        return answer.body

    def make_program(self, **fields):
        name = f"p{secrets.token_hex(4)}"
        body = {"name": name, "slug": name, "kind": "confidential", "redirect_uris": [CALLBACK], **fields}
        made = self.change("POST", "/api/applications", {"backchannel_logout_uri": self.receiver.address, **body})
        return WireProgram(self.ports[0], made["application"], made["client_secret"])

    def make_user(self, *roles):
        name = f"person-{secrets.token_hex(4)}"
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": list(roles)}
        user = self.change("POST", "/api/users", body)["user"]
        # Their own choice of password, which they have to make first.
        browser = Browser(self.ports[0])
        browser.submit("/login", {"username": name, "password": PASSWORD})
        if browser.ask("/profile")[0] == 302:
            chosen = {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW}
            assert browser.submit("/password", chosen)[0] == 302
            return user, browser, NEW
        return user, browser, PASSWORD

    def stop(self):
        self.receiver.stop()
        with ExitStack() as stack:
            for process in self.running:
                stack.callback(self.processes.stop, process)


@pytest.fixture(scope="module")
def pair(processes):
    pair = Pair(processes)
    yield pair
    pair.stop()


class SignedIn:
    """A person at a program, whose tokens both processes know."""

    def __init__(self, pair):
        role = pair.change("POST", "/api/roles", {"name": f"Desk {secrets.token_hex(4)}", "permissions": []})["role"]
        self.pair, self.program = pair, pair.make_program(roles=[role["name"]])
        self.user, self.browser, self.password = pair.make_user(role["name"])
        status, tokens = self.program.redeem(self.program.code(self.browser))
        assert status == 200, tokens
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
        self.id_claims = self.program.claims(tokens["id_token"])[1]
        for port in pair.ports:
            assert self.program.userinfo(self.access, port) == 200

    def path(self, rest=""):
        return f"/api/users/{self.user['id']}{rest}"

    def own_token(self):
        body = {"username": self.user["username"], "password": self.password}
        return self.pair.clients[1].ask("POST", "/api/auth/login", body).body["access_token"]


def sign_out(pair, person):
    person.browser.sign_out(pair.ports[1])


def end_sessions(pair, person):
    pair.change("DELETE", "/api/auth/sessions", token=person.own_token())


def lock(pair, person):
    pair.change("POST", person.path("/lock"))


def deactivate(pair, person):
    pair.change("PATCH", person.path(), {"is_active": False})


def delete(pair, person):
    pair.change("DELETE", person.path())


def change_password(pair, person):
    body = {"current_password": person.password, "new_password": "Third-Horse-9"}
    pair.change("POST", "/api/auth/change-password", body, token=person.own_token())


def take_role(pair, person):
    pair.change("PATCH", person.path(), {"roles": []})


def deactivate_application(pair, person):
    pair.change("PATCH", f"/api/applications/{person.program.application['id']}", {"is_active": False})


CHANGES = (sign_out, end_sessions, lock, deactivate, delete, change_password, take_role, deactivate_application)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_both_refuse_at_once_and_the_program_is_told(pair, change):
    person = SignedIn(pair)
    told = len(pair.receiver.tokens)
    change(pair, person)
    for port in pair.ports:
        assert person.program.userinfo(person.access, port) == 401
        status, answer = person.program.refresh(person.refresh, port)
        # An inactive application isn't known any more.
        assert (status, answer["error"]) in {(400, "invalid_grant"), (401, "invalid_client")}
    token = pair.receiver.wait_for(told + 1)[told]
    header, claims = person.program.claims(token)
    assert header["typ"] == "logout+jwt"
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    for name in ("iss", "aud", "sub", "sid"):
        assert claims[name] == person.id_claims[name], name
    assert len(pair.receiver.tokens) == told + 1, "once"
