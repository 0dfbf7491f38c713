"""Who is compared: how each is started, and what it is asked. What they are asked for is the same, its names aren't."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from benchmarks.harness.installation import python_of

PASSWORD = "Benchmark-2026!"
PER_PAGE = 10
WORKERS, THREADS = 2, 8
TASKS = ("me", "list", "deep page", "search", "login")


@dataclass
class Contender:
    """One server. Its figures are kept by `name`; `title`, `served_by` and `hashing` are for readers."""

    name: str
    title: str
    served_by: str
    hashing: str
    me: str
    login: str
    users: str
    page: Any  # of a number from 0, the query
    search: Any  # of a text, the query
    rows: Any = lambda answer: answer["users"]
    secret: Any = lambda answer: {"Authorization": f"Bearer {answer['access_token']}"}
    account: str = "username"
    is_form: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    def login_request(self, caller, port):
        """The bytes that sign a caller in."""
        sent = {self.account: caller["email" if self.account == "email" or self.is_form else "username"]}
        sent = {**sent, "password": PASSWORD, **self.extra}
        if self.is_form:
            return request(
                "POST", self.login, port, {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(sent)
            )
        headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
        return request("POST", self.login, port, headers, json.dumps(sent))

    def list_path(self, page=0, term=""):
        """The list's path with its query."""
        asked = self.page(page) if not term else {**self.page(page), **self.search(term)}
        return f"{self.users}?{urlencode(asked)}"


def request(method, path, port, headers, body=""):
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def gunicorn(name, port, application):
    """gunicorn with threads, so that connections stay open, as ours do."""
    options = ["--workers", WORKERS, "--threads", THREADS, "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    return [python_of(name), "-m", "gunicorn", *map(str, options), application]


def granian(port, application):
    """As our server starts it."""
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", port, "--http", 1, "--no-ws"]
    options += ["--workers", WORKERS, "--blocking-threads", THREADS, "--log-level", "error"]
    return [python_of("reprotech"), "-m", "granian", *map(str, options), application]


def command_of(name, port):
    """How a server is started, for so many worker processes as all have."""
    if name == "reprotech":
        return [python_of(name), "-m", "reprotech.server"]
    if name == "empty_django":
        return granian(port, "benchmarks.harness.empty_django:application")
    if name == "fastapi_users":
        options = [
            "--host",
            "127.0.0.1",
            "--port",
            port,
            "--workers",
            WORKERS,
            "--log-level",
            "warning",
            "--no-access-log",
        ]
        return [python_of(name), "-m", "uvicorn", "app:app", *map(str, options)]
    if name == "better_auth":
        return ["node", "server.mjs"]
    return gunicorn(name, port, "app:application" if name == "drf_stock" else "app:app")


def filters(term):
    """Flask-AppBuilder's search in its own notation."""
    return f"(page:0,page_size:{PER_PAGE},filters:!((col:username,opr:ct,value:'{term}')))"


def by_page(number):
    """Pages that count from 1."""
    return {"page": number + 1, "per_page": PER_PAGE}


def by_offset(number):
    """Rows to skip."""
    return {"limit": PER_PAGE, "offset": number * PER_PAGE}


OURS = Contender(
    name="reprotech", title="Reprotech", served_by="granian", hashing="bcrypt, cost 12",
    login="/api/auth/login", me="/api/auth/me", users="/api/users",
    page=by_page, search=lambda term: {"search": term},
)  # fmt: skip
OTHERS = [
    Contender(
        name="flask_original", title="Flask, as first described", served_by="gunicorn", hashing="bcrypt, cost 12",
        login="/api/auth/login", me="/api/auth/me", users="/api/users",
        page=by_page, search=lambda term: {"search": term},
    ),
    Contender(
        name="drf_stock", title="Django REST framework", served_by="gunicorn", hashing="PBKDF2, 1,000,000 rounds",
        login="/api/token", me="/api/users/me", users="/api/users",
        page=by_page, search=lambda term: {"search": term},
        rows=lambda answer: answer["results"],
        secret=lambda answer: {"Authorization": f"Bearer {answer['access']}"},
    ),
    Contender(
        name="fastapi_users", title="fastapi-users", served_by="uvicorn", hashing="Argon2",
        login="/auth/jwt/login", me="/users/me", users="/users",
        page=by_offset, search=lambda term: {"search": term}, is_form=True,
    ),
    Contender(
        name="flask_appbuilder", title="Flask-AppBuilder", served_by="gunicorn", hashing="scrypt",
        login="/api/v1/security/login", me="/api/v1/security/users/{id}", users="/api/v1/security/users/",
        page=lambda number: {"q": f"(page:{number},page_size:{PER_PAGE})"},
        search=lambda term: {"q": filters(term)},
        rows=lambda answer: answer["result"], extra={"provider": "db"},
    ),
    Contender(
        name="better_auth", title="better-auth", served_by="node, cluster", hashing="scrypt",
        login="/api/auth/sign-in/email", me="/api/auth/get-session", users="/api/auth/admin/list-users",
        page=by_offset, search=lambda term: {"searchValue": term, "searchField": "email"},
        account="email",
    ),
]  # fmt: skip
ALL = {one.name: one for one in [OURS, *OTHERS]}
