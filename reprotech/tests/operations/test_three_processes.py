"""What one server process takes away, the others refuse with their next request, whatever they had cached."""

import secrets
from contextlib import ExitStack

import pytest

from benchmarks.faults.http_client import Client
from reprotech.testing.cast import PASSWORD
from reprotech.testing.plugin import ROOT, check_alive, start_server
from reprotech.testing.servers import free_port, wait_for
from reprotech.tests.support.tcp_proxy import Cable

# SQLite serves one process.
pytestmark = pytest.mark.only_on("postgresql")
#: It takes a permission.
ASKED = "/api/users?per_page=1"


class Trio:
    """Three servers of one process each, on one database and one Valkey; the last has a cable of its own to that."""

    def __init__(self, processes):
        self.first = start_server(processes, "postgresql", WORKERS="1")
        self.cable = Cable(self.first.env["REDIS_URL"])
        self.processes, self.running = processes, [self.first.process]
        starting = [self._serve(), self._serve(REDIS_URL=self.cable.url)]
        for port, process, log in starting:
            wait_for(process, log, lambda port=port: check_alive(port), patience=300)
        ports = [int(self.first.env["PORT"]), *(port for port, *_ in starting)]
        self.clients = [Client(port, timeout=60) for port in ports]
        body = {"username": "admin", "password": "Admin123!"}
        self.admin = self.clients[0].ask("POST", "/api/auth/login", body).body["access_token"]

    def _serve(self, **variables):
        port = free_port()
        home = self.first.log.parent / f"beside-{port}"
        home.mkdir()
        env = self.first.env | {"PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"), **variables}
        log = home / "output"
        process = self.processes.start([ROOT / "deploy" / "serve"], log, env=env, cwd=home)
        self.running.append(process)
        return port, process, log

    def stop(self):
        with ExitStack() as stack:
            for process in self.running:
                stack.callback(self.processes.stop, process)

    def change(self, method, path, body=None, by=None):
        answer = (by or self.clients[0]).ask(method, path, body, self.admin)
        assert answer.is_good, answer
        return answer.body

    def make_user(self, *roles):
        name = f"person-{secrets.token_hex(4)}"
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": list(roles)}
        return self.change("POST", "/api/users", body)["user"]

    def sign_in(self, user, by=None, password=PASSWORD):
        body = {"username": user["username"], "password": password}
        return (by or self.clients[0]).ask("POST", "/api/auth/login", body)

    def statuses(self, token, path=ASKED):
        return [client.ask("GET", path, token=token).status for client in self.clients]

    def warm(self, token):
        for _ in range(2):
            assert self.statuses(token) == [200, 200, 200]


@pytest.fixture(scope="module")
def trio(processes):
    trio = Trio(processes)
    yield trio
    trio.stop()


@pytest.fixture
def role(trio):
    """A role of this test's own, which lets its holders list users."""
    body = {"name": f"Desk {secrets.token_hex(4)}", "permissions": ["user_read", "animal_read"]}
    return trio.change("POST", "/api/roles", body)["role"]


@pytest.fixture
def person(trio, role):
    return trio.make_user(role["name"])


@pytest.fixture
def token(trio, person):
    """Of a session that all three processes have answered from their cache."""
    token = trio.sign_in(person).body["access_token"]
    trio.warm(token)
    return token


def sign_out(trio, by, person, role, token):
    assert by.ask("POST", "/api/auth/logout", token=token).is_good


def end_session(trio, by, person, role, token):
    other = trio.sign_in(person, by).body["access_token"]
    assert by.ask("DELETE", "/api/auth/sessions", token=other).is_good


def lock(trio, by, person, role, token):
    trio.change("POST", f"/api/users/{person['id']}/lock", by=by)


def deactivate(trio, by, person, role, token):
    trio.change("PATCH", f"/api/users/{person['id']}", {"is_active": False}, by)


def delete(trio, by, person, role, token):
    trio.change("DELETE", f"/api/users/{person['id']}", by=by)


def reset_password(trio, by, person, role, token):
    trio.change("POST", f"/api/users/{person['id']}/reset-password", {"password": "Another-Horse-8"}, by)


def take_role(trio, by, person, role, token):
    trio.change("PATCH", f"/api/users/{person['id']}", {"roles": []}, by)


def take_permission(trio, by, person, role, token):
    trio.change("PATCH", f"/api/roles/{role['id']}", {"permissions": ["animal_read"]}, by)


WAYS = [sign_out, end_session, lock, deactivate, delete, reset_password, take_role, take_permission]


@pytest.mark.parametrize("take_away", WAYS, ids=lambda way: way.__name__)
def test_what_one_process_takes_away_the_others_refuse_at_once(trio, person, role, token, take_away):
    expected = 403 if take_away in {take_role, take_permission} else 401
    take_away(trio, trio.clients[1], person, role, token)
    assert trio.statuses(token) == [expected] * 3


def test_a_role_given_by_one_process_counts_in_the_others_at_once(trio, token, person):
    trio.change("PATCH", f"/api/users/{person['id']}", {"roles": ["Administrator"]}, trio.clients[2])
    assert trio.statuses(token, "/api/audit?per_page=1") == [200] * 3


def test_a_revoked_key_is_refused_by_all_at_once(trio, person):
    token = trio.sign_in(person).body["access_token"]
    path = f"/api/users/{person['id']}/keys"
    made = trio.clients[2].ask("POST", "/api/auth/keys", {"name": "script", "scopes": ["user_read"]}, token).body
    trio.warm(made["token"])
    trio.change("DELETE", f"{path}/{made['key']['id']}", by=trio.clients[1])
    assert trio.statuses(made["token"]) == [401] * 3


def test_wrong_guesses_at_one_process_lock_the_name_out_at_all(trio, person):
    for _ in range(10):
        assert trio.sign_in(person, trio.clients[0], "Wrong-Horse-7").status == 401
    assert [trio.sign_in(person, client).status for client in trio.clients] == [429] * 3
    trio.change("POST", f"/api/users/{person['id']}/unlock", by=trio.clients[2])
    assert [trio.sign_in(person, client).status for client in trio.clients] == [200] * 3


# The last, since doubt lasts for two minutes: without anything cached the others would say little.
def test_what_a_process_takes_away_that_alone_lacks_valkey_the_others_refuse_at_once(trio, person, role, token):
    trio.cable.pull_out()
    lock(trio, trio.clients[2], person, role, token)
    assert trio.statuses(token) == [401] * 3
