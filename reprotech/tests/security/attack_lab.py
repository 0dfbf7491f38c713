"""A laboratory to attack: a server as in production with something to lose, and what must hold after an attack."""

import json
import re
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace
from urllib.parse import urlencode
from uuid import uuid4

import psycopg

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import ROOT

ADMIN, PASSWORD = ("admin", "Root-Of-All-91"), "Correct-Horse-7"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Shot:
    """One request. `allowed` are the statuses that it may be answered with; None: any below 500."""

    kind: str
    method: str
    path: str
    headers: dict = field(default_factory=dict)
    body: bytes | str | None = None
    allowed: frozenset | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when the server closed the connection."""

    status: int
    headers: str
    body: bytes

    def json(self):
        return json.loads(self.body)


class Lab:
    """The server, who is known to it, and what is in its database."""

    def __init__(self, server):
        self.server = server
        self.host, self.port = "127.0.0.1", int(server.env["PORT"])
        self._local, self._connections = threading.local(), []

    def close(self):
        for connection in self._connections:
            connection.close()

    def send(self, method, path, headers=None, body=None):
        """Send a request on this thread's connection and read the whole answer."""
        for _ in range(2):
            try:
                return self._exchange(method, path, {"Host": self.authority, **(headers or {})}, body)
            except (HTTPException, ConnectionError):
                # Once more: the server may have closed a connection that it kept after the answer before.
                self._connection().close()
        return Answer(0, "", b"")

    def _connection(self):
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection(self.host, self.port, TIMEOUT)
            self._connections.append(self._local.connection)
        return self._local.connection

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    def _exchange(self, method, path, headers, body):
        connection = self._connection()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        content = body.encode() if isinstance(body, str) else body
        if content is not None and "Content-Length" not in headers:
            headers["Content-Length"] = str(len(content))
        elif content is None and method in {"POST", "PUT", "PATCH"}:
            headers["Content-Length"] = "0"
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        return Answer(response.status, str(response.headers), response.read())

    def call(self, method, path, body=None, token=""):
        """Call the API as a program does, and succeed."""
        headers = {**JSON, "Authorization": f"Bearer {token}"} if token else JSON
        answer = self.send(method, path, headers, None if body is None else json.dumps(body))
        assert answer.status in {200, 201}, answer
        return answer.json()

    def login(self, username, password=PASSWORD):
        return self.call("POST", "/api/auth/login", {"username": username, "password": password})

    def browser(self, username, password=PASSWORD):
        """The cookies of whoever signed in to the pages, and the token that their forms need."""
        csrf = cookies_of(self.send("GET", "/login"))["reprotech_csrf"]
        form = {"username": username, "password": password, "csrfmiddlewaretoken": csrf}
        answer = self.send("POST", "/login", {**FORM, "Cookie": f"reprotech_csrf={csrf}"}, urlencode(form))
        assert answer.status == 302, answer
        cookies = cookies_of(answer)
        return SimpleNamespace(
            session=cookies["reprotech_session"],
            csrf=cookies["reprotech_csrf"],
            cookie="; ".join(f"{name}={value}" for name, value in cookies.items()),
        )

    def settle(self):
        """Everybody and everything that the attacks are aimed at."""
        # The server puts its start on record when it gets to it.
        assert eventually(lambda: self._all_rows()["server_configurations"][1])
        self.admin = self.login(*ADMIN)
        root = self.admin["access_token"]
        self.ids = {"user_id": 0}
        for name, role in (("victim", "Administrator"), ("viewer", "Viewer")):
            person = {"username": f"the-{name}", "email": f"{name}@lab.example", "password": PASSWORD, "roles": [role]}
            made = self.call("POST", "/api/users", person, root)
            self.ids["user_id"] = self.ids["user_id"] or made["user"]["id"]
        self.viewer, self.victim = self.login("the-viewer"), self.login("the-victim")
        token = self.victim["access_token"]
        role = {"name": "Night Shift", "permissions": ["animal_read"], "is_requestable": True}
        self.ids["role_id"] = self.call("POST", "/api/roles", role, root)["role"]["id"]
        asked = self.call("POST", "/api/access-requests", {"role": "Night Shift", "reason": "Nights"}, token)
        self.ids["request_id"] = asked["request"]["id"]
        key = self.call("POST", "/api/auth/keys", {"name": "Victim's", "scopes": ["user_read"]}, token)
        self.ids["key_id"], self.victim_key = key["key"]["id"], key["token"]
        key = self.call("POST", "/api/auth/keys", {"name": "Own", "scopes": []}, self.viewer["access_token"])
        self.viewer_key = key["token"]
        self.ids["session_id"] = self.call("GET", "/api/auth/sessions", token=token)["sessions"][0]["id"]
        program = {
            "name": "Grafana",
            "slug": "grafana",
            "kind": "confidential",
            "redirect_uris": ["https://grafana.lab.example/login"],
        }
        self.ids["application_id"] = self.call("POST", "/api/applications", program, root)["application"]["id"]
        day = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
        review = {"name": "Q4", "scope": {"roles": ["Viewer"]}, "reviewers": ["admin"], "due": day}
        self.ids["review_id"] = self.call("POST", "/api/reviews", review, root)["review"]["id"]
        items = self.call("GET", f"/api/reviews/{self.ids['review_id']}/items", token=root)["items"]
        self.ids["item_id"] = items[0]["id"]
        self.ids["sign_in_id"] = str(uuid4())  # of nobody: programs are attacked in sso.tests.provider
        self.ids["event_id"] = self.call("GET", "/api/audit", token=root)["logs"][0]["id"]
        self.admin_browser, self.viewer_browser = self.browser(*ADMIN), self.browser("the-viewer")
        form = urlencode({"name": "Mine", "csrfmiddlewaretoken": self.admin_browser.csrf})
        saved = self.send("POST", "/audit/saved", {**FORM, "Cookie": self.admin_browser.cookie}, form)
        assert saved.status in {302, 422}, saved
        assert eventually(self._is_all_mailed)

    def _is_all_mailed(self):
        """Whether those who decide were mailed about the request, and nothing waits to be sent."""
        tables = self._all_rows()
        columns, requests = tables["access_requests"]
        announced = columns.index("announced_at")
        return all(request[announced] for request in requests) and not tables["outgoing_mails"][1]

    def fire(self, shots: Iterable[Shot], threads=8):
        """Send them all at once, as far as threads go; returns (shot, answer) of each."""
        with ThreadPoolExecutor(threads) as pool:
            return list(
                pool.map(lambda shot: (shot, self.send(shot.method, shot.path, shot.headers, shot.body)), shots)
            )

    # What must hold

    def tables(self):
        """Every row of every table, but for what using a session or a key may note, and the audit log apart."""
        found = {}
        for table, (columns, rows) in self._all_rows().items():
            kept = [position for position, name in enumerate(columns) if name not in NOTED.get(table, ())]
            found[table] = sorted(repr([row[position] for position in kept]) for row in rows)
        return found

    def recorded(self, since=0):
        """What the audit log says has happened since an event, as (action, success), and the newest event's id."""
        columns, rows = self._all_rows()["audit_logs"]
        events = [dict(zip(columns, row, strict=True)) for row in rows]
        newest = max(event["id"] for event in events)
        return {(event["action"], bool(event["success"])) for event in events if event["id"] > since}, newest

    def _all_rows(self):
        url = self.server.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            connection = sqlite3.connect(url.removeprefix("sqlite:///"))
            names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        else:
            connection = psycopg.connect(url)
            names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        try:
            cursor = connection.cursor()
            found = {}
            for (table,) in cursor.execute(names).fetchall():
                rows = cursor.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 (the catalogue's own names)
                found[table] = ([column[0] for column in cursor.description], rows)
            return found
        finally:
            connection.close()

    @cached_property
    def secrets(self):
        """What must stand in no answer and no log line."""
        env = self.server.env
        named = [env[name] for name in ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY", "METRICS_TOKEN")]
        tokens = [person[kind] for person in (self.admin, self.victim) for kind in ("access_token", "refresh_token")]
        return [*named, *tokens, PASSWORD, ADMIN[1], self.victim_key, self.admin_browser.session]

    @cached_property
    def signs(self):
        """What tells of the inside: stack traces, statements, files, hashes, secrets."""
        words = ["Traceback (most", 'File "', "site-packages", str(ROOT), "sqlite3.", "bcrypt_sha256$"]
        words += [
            'FROM "users',
            "SELECT DISTINCT",
            "django.db",
            "OperationalError",
            EVALUATED,
            "root:x:0:0",
            *self.secrets,
        ]
        # The event of a start names packages with their versions, for those who may read the log.
        patterns = [*map(re.escape, words), r"psycopg(?!(?:-\w+)? \d)"]
        return re.compile("|".join(patterns).encode())

    def log(self):
        """Every line that the server wrote."""
        return self.server.lines()


#: What a template would make of {{1234567*7}}.
EVALUATED = "8641969"
#: Columns that a request with a genuine session or key may change; a session of a page ends later when it is used.
NOTED = {"sessions": {"last_used_at", "expires_at"}, "api_keys": {"last_used_at", "last_used_from"}}
#: One line of the log: when, how bad, who, which server, request and client.
LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING) [\w.]+ \[\S+ ([0-9a-f]{32}|-) \S+\] .*"
)


def cookies_of(answer):
    return dict(re.findall(r"^set-cookie: (\w+)=([^;\n]*)", answer.headers, re.MULTILINE | re.IGNORECASE))


def faults(lab, fired):
    """What is wrong with the answers, in words; a few examples of each."""
    found = {}
    for shot, answer in fired:
        for fault in faults_of(lab, shot, answer):
            found.setdefault(f"{shot.kind}: {fault}", []).append(
                f"{shot.method} {shot.path[:120]} {dict(list(shot.headers.items())[:2])!r:.200} {shot.body!r:.200}"
            )
    return {fault: (len(shots), shots[:3]) for fault, shots in found.items()}


def faults_of(lab, shot, answer):
    if answer.status == 0 or answer.status >= 500:
        yield f"answered with {answer.status}"
    elif shot.allowed is not None and answer.status not in shot.allowed:
        yield f"answered with {answer.status}, not one of {sorted(shot.allowed)}"
    if sign := lab.signs.search(answer.headers.encode() + answer.body):
        yield f"the answer holds {sign[0].decode(errors='replace')[:24]!r}"


def log_faults(lab, begin):
    """Lines since `begin` (a length) that aren't lines of ours, complain of our own code, or hold a secret."""
    lines = lab.log()[begin:].splitlines()
    assert lines
    broken = [line for line in lines if not LOG_LINE.fullmatch(line)]
    told = [line for line in lines if any(secret in line for secret in lab.secrets)]
    return [line[:300] for line in (*broken[:5], *told[:5])]


def kinds_of(fired):
    """How many requests of each kind were sent."""
    return Counter(shot.kind for shot, _ in fired)


def server_variables():
    """Of a server as in production, whose limits don't hide what is behind them."""
    return {
        "DEBUG": "false",
        "ADMIN_PASSWORD": ADMIN[1],
        "RATE_LIMIT_ENABLED": "false",
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "INFO",
        "METRICS_TOKEN": secrets.token_urlsafe(24),
        "AUDIT_SEAL_SECONDS": "0",
        "AUDIT_VERIFY_HOURS": "0",
        "EMAIL_URL": "memorymail://",
    }
