"""After a busy run no secret stands in logs, metrics, audit rows, error answers or the list of processes."""

import json
import re
import secrets
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from reprotech.testing.plugin import start_server

# With addresses of two other servers to give away, and several processes.
pytestmark = pytest.mark.only_on("postgresql")

ADMIN = "Admin123!"
WRONG, GIVEN, CHOSEN = "Wrong-Guess-71", "Given-Horse-72", "Chosen-Horse-73"
LINK, ADDRESS_LINK = "dil6z8-f1e53a708e2ad75", "dil6z8-1e53a708e2ad1f76"


@pytest.fixture
def talkative(stack, processes):
    """A server that logs all it can."""
    keys = {name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "JWT_SECRET_KEY", "SECRET_KEY_FALLBACKS")}
    server = start_server(
        processes, stack, LOG_LEVEL="DEBUG", EMAIL_URL="memorymail://", METRICS_TOKEN="scrape-74", **keys
    )
    yield server
    processes.stop(server.process)


class Program:
    """A script that calls the server and keeps every answer."""

    def __init__(self, server):
        self.server, self.refusals = server, []

    def call(self, method, path, body=None, token="", kind="application/json"):
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": kind} if content is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with urlopen(Request(self.server.url + path, content, headers, method=method)) as answer:
                text = answer.read().decode()
                return json.loads(text) if answer.headers.get_content_type() == "application/json" else text
        except HTTPError as refusal:
            self.refusals.append(refusal.read().decode())
            return {}


def keep_busy(program):
    """Do everything that a secret takes part in, right and wrong; returns the secrets."""
    call = program.call
    login = call("POST", "/api/auth/login", {"username": "admin", "password": ADMIN})
    token = login["access_token"]
    call("POST", "/api/auth/login", {"username": "admin", "password": WRONG})
    call("POST", "/api/auth/login", f'{{"username": "admin", "password": "{WRONG}'.encode())
    call("POST", "/api/auth/login", {"username": "admin", "password": [WRONG]})
    fields = {"username": "busy", "email": "busy@lab.example", "password": GIVEN, "roles": ["Viewer"]}
    person = call("POST", "/api/users", fields, token)["user"]["id"]
    call("POST", "/api/users", {**fields, "is_active": GIVEN}, token)
    call("POST", f"/api/users/{person}/reset-password", {}, token)
    busy = call("POST", "/api/auth/login", {"username": "busy", "password": GIVEN})
    change = {"current_password": WRONG, "new_password": CHOSEN}
    call("POST", "/api/auth/change-password", change, busy["access_token"])
    call("POST", "/api/auth/change-password", {**change, "current_password": GIVEN}, busy["access_token"])
    for path in (f"/set-password/MQ/{LINK}", f"/confirm-email/MQ/{ADDRESS_LINK}"):
        call("GET", path)
        call("POST", path)  # which isn't allowed: Django's own log names the path
        call("GET", f"{path}/nothing-here")
    key = call("POST", "/api/auth/keys", {"name": "Busy", "scopes": ["audit_read"]}, token)
    unlisted = call("POST", "/api/auth/keys", {"name": "Far", "scopes": [], "addresses": ["192.0.2.1"]}, token)
    for sent in (key["token"], unlisted["token"], key["token"][:-1] + "x", busy["refresh_token"]):
        call("GET", "/api/audit", token=sent)
        call("POST", "/api/auth/introspect", {"token": sent}, token)
        call(
            "POST", "/api/auth/introspect", f"token={sent}&token=".encode(), token, "application/x-www-form-urlencoded"
        )
    spent = call("POST", "/api/auth/refresh", {"refresh_token": login["refresh_token"]})
    call("POST", "/api/auth/refresh", {"refresh_token": login["refresh_token"]})
    answers = (login, busy, spent, key, unlisted)
    tokens = [
        answer[name] for answer in answers for name in ("access_token", "refresh_token", "token") if name in answer
    ]
    return token, [ADMIN, WRONG, GIVEN, CHOSEN, LINK, ADDRESS_LINK, *tokens]


def everything_said(program, token):
    """Every place where a secret could have been left."""
    server = program.server
    lines = server.lines()
    commands = [path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
    return {
        "output": server.log.read_text(),
        "log files": lines,
        "metrics": program.call("GET", "/metrics", token="scrape-74"),
        "audit rows": json.dumps(program.call("GET", "/api/audit?per_page=100", token=token)),
        "audit export": program.call("GET", "/api/audit/export?format=jsonl", token=token),
        "refusals": "".join(program.refusals),
        "processes": "".join(commands),
    }


def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_no_secret_is_left_anywhere(talkative):
    program = Program(talkative)
    token, found = keep_busy(program)
    names = ("SECRET_KEY", "JWT_SECRET_KEY", "SECRET_KEY_FALLBACKS", "AUDIT_SIGNING_KEY", "METRICS_TOKEN")
    found += [talkative.env[name] for name in names]
    assert len(set(found)) == 19
    places = everything_said(program, token)
    assert all(places.values())
    assert re.search(r"/api/auth/login 401", places["log files"])
    # The start of a first try tells the documented password: its output is where it belongs.
    places["output"] = places["output"].replace("admin / Admin123!", "")
    left = {(place, secret[:12]) for place, text in places.items() for secret in found if secret in text}
    assert left == set()
