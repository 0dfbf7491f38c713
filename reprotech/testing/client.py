"""Calling the API and the pages in tests."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import transaction
from django.test import Client

from accounts.models import Session, User
from accounts.sessions.refresh import SessionTokens, issue_tokens
from accounts.sessions.services import open_session
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD


class Like:
    """Equal to every string that a pattern matches whole: for what differs from run to run."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"<like {self.pattern}>"


TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


TOKEN = Like(r"[\w-]+\.[\w-]+\.[\w-]+")


UUID = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


REQUEST_ID = Like(r"[0-9a-f]{32}")


def error_of(response: Any) -> dict[str, Any]:
    """An error's body without its request id, which must be the one in the header."""
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response["X-Request-ID"] == REQUEST_ID
    return body


@dataclass
class Caller:
    """Someone who calls the API with a token, or without one."""

    user: User | None = None
    address: str = "192.0.2.10"
    user_agent: str = "lab-script/1.0"

    @cached_property
    def signed_in(self) -> SessionTokens:
        """A session and its tokens, as a login would open it."""
        assert self.user is not None
        with explicitly_recorded(), transaction.atomic():
            session = open_session(user=self.user, session=Session(kind=Session.Kind.TOKEN))
            return issue_tokens(session=session)

    @property
    def token(self) -> str:
        """The access token."""
        return self.signed_in.pair.access_token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; `body` is sent as JSON unless it is bytes."""
        if self.user is not None:
            headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.token}")
        content = body if isinstance(body, bytes) else json.dumps(body) if body is not None else b""
        extra: dict[str, Any] = {"REMOTE_ADDR": self.address, "HTTP_USER_AGENT": self.user_agent, **headers}
        content_type = extra.pop("CONTENT_TYPE", "application/json" if body is not None else "")
        client = Client(raise_request_exception=False)
        return client.generic(method, path, content, content_type=content_type, **extra)

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        """PUT."""
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        """DELETE."""
        return self.call("DELETE", path, **headers)


def page_client(user: User) -> Client:
    """A browser without JavaScript in which `user` is signed in, through the sign-in page."""
    client = Client(raise_request_exception=False)
    response = client.post("/login", {"username": user.username, "password": PASSWORD})
    assert response.status_code == 302, response.content
    return client
