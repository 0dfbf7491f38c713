"""Where the present request comes from, for every audit row and log line that it causes."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Client address ("" when there is none), user agent, id, method and path of one request.

    `device_cookie` is by what a browser is known again; no row shows it.
    """

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""
    method: str = ""
    path: str = ""
    device_cookie: str = ""


def command_origin(command: str) -> RequestOrigin:
    """The origin of what a command does: its name, and who runs it on the machine, also by way of sudo."""
    try:
        who = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container there may be a number alone
        who = f"user {os.getuid()}"
    if behind := os.environ.get("SUDO_USER"):
        who = f"{who}, by sudo of {behind}"
    return RequestOrigin(user_agent=f"manage.py {command} ({who})")


_origin: ContextVar[RequestOrigin] = ContextVar("origin", default=RequestOrigin())  # noqa: B039 (frozen)
_session: ContextVar[UUID | None] = ContextVar("session", default=None)
_key: ContextVar[str] = ContextVar("key", default="")
_user: ContextVar[int | None] = ContextVar("user", default=None)


def current_origin() -> RequestOrigin:
    """The origin of the request being served, or of the command that runs; an empty one when there is neither."""
    return _origin.get()


@contextmanager
def request_origin(origin: RequestOrigin) -> Iterator[None]:
    """Make `origin` the current one within the block."""
    token, session_token, key_token, user_token = _origin.set(origin), _session.set(None), _key.set(""), _user.set(None)
    try:
        yield
    finally:
        _user.reset(user_token)
        _key.reset(key_token)
        _session.reset(session_token)
        _origin.reset(token)


def current_session() -> UUID | None:
    """The session that the request being served came with, once it was found."""
    return _session.get()


def name_session(session_id: UUID) -> None:
    """Say which session the request being served came with, for the audit rows that it leaves."""
    _session.set(session_id)


def current_key() -> str:
    """The API key that the request being served came with, "" without one."""
    return _key.get()


def name_key(key: str) -> None:
    """Say which API key the request being served came with, for the audit rows that it leaves."""
    _key.set(key)


def current_user() -> int | None:
    """The number of the user who makes the request being served, once they were found."""
    return _user.get()


def name_user(user_id: int) -> None:
    """Say who makes the request being served, for the log lines that it leaves."""
    _user.set(user_id)
