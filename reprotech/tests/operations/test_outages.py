"""PostgreSQL or Valkey out of reach: a clear answer, nobody let in who wouldn't be, and back without help."""

import json
import os
import secrets
import socket
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.db import connection

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import migrated_database, start_server
from reprotech.tests.support.tcp_proxy import Cable


class Lab:
    """A server whose database and cache hang on cables."""

    def __init__(self, processes):
        self.database = Cable(migrated_database("postgresql", f"outage_{secrets.token_hex(4)}", None))
        self.cache = Cable(os.environ["REDIS_URL"].rpartition("/")[0] + "/60")
        self.server = start_server(processes, "postgresql", DATABASE_URL=self.database.url, REDIS_URL=self.cache.url)
        self.token = self.call("POST", "/api/auth/login", {"username": "admin", "password": "Admin123!"})[1][
            "access_token"
        ]

    def call(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = Request(self.server.url + path, json.dumps(body).encode() if body else None, headers, method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)


# SQLite and the cache inside the process have no cable.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def lab(processes):
    lab = Lab(processes)
    yield lab
    lab.database.put_back()
    lab.cache.put_back()
    processes.stop(lab.server.process)


def test_without_its_database_the_service_says_so_and_recovers_by_itself(lab):
    assert lab.call("GET", "/api/users", token=lab.token)[0] == 200
    lab.database.pull_out()
    status, body = lab.call("GET", "/api/users", token=lab.token)
    assert (status, body["code"]) == (503, "unavailable")
    assert lab.call("POST", "/api/auth/login", {"username": "admin", "password": "Admin123!"})[0] == 503
    assert lab.call("GET", "/api/health")[1]["database"] == "unavailable"
    assert lab.call("GET", "/api/health/ready")[0] == 503
    assert lab.call("GET", "/api/health/live")[0] == 200
    lab.database.put_back()
    assert eventually(lambda: lab.call("GET", "/api/users", token=lab.token)[0] == 200)
    assert lab.call("GET", "/api/health")[1]["status"] == "healthy"


@pytest.mark.django_db
def test_a_network_that_swallows_everything_is_noticed_in_seconds_on_both_sides():
    with connection.cursor() as cursor:
        for name, value in {
            "tcp_user_timeout": "10000",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
        }.items():
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == (value,)
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as cable:
        options = [socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL]
        assert [cable.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [5_000, 5, 2]
        assert cable.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_without_its_cache_everything_goes_on_and_a_sign_out_still_holds_at_once(lab):
    lab.cache.pull_out()
    status, body = lab.call("POST", "/api/auth/login", {"username": "admin", "password": "Admin123!"})
    assert status == 200
    assert lab.call("GET", "/api/auth/me", token=body["access_token"])[0] == 200
    assert lab.call("POST", "/api/auth/logout", token=body["access_token"])[0] == 200
    # Both worker processes must know it.
    assert {lab.call("GET", "/api/auth/me", token=body["access_token"])[0] for _ in range(8)} == {401}
    assert lab.call("GET", "/api/health")[1]["cache"] == "unavailable"
    assert lab.call("GET", "/api/health/ready")[0] == 200
    lab.cache.put_back()
    assert eventually(lambda: lab.call("GET", "/api/health")[1]["status"] == "healthy")
    assert {lab.call("GET", "/api/auth/me", token=body["access_token"])[0] for _ in range(8)} == {401}
