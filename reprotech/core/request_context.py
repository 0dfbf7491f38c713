"""Where the request being served comes from and who makes it, for services, audit rows and log lines."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from reprotech.core.principal import ANONYMOUS, Principal


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


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Where a request comes from, and who makes it once they are known."""

    origin: RequestOrigin = RequestOrigin()
    principal: Principal = ANONYMOUS


_current: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())  # noqa: B039 (frozen)


@contextmanager
def request_origin(origin: RequestOrigin) -> Iterator[None]:
    """Within the block a request from `origin` is served, in which nobody acts yet."""
    token = _current.set(RequestContext(origin))
    try:
        yield
    finally:
        _current.reset(token)


def current_origin() -> RequestOrigin:
    """The origin of the request being served, or of the command that runs; an empty one when there is neither."""
    return _current.get().origin


def current_principal() -> Principal:
    """Who makes the request being served; nobody in a command and in a thread of the server's own."""
    return _current.get().principal


def set_principal(principal: Principal) -> None:
    """From now on `principal` makes the request being served, until its `request_origin` block ends."""
    _current.set(replace(_current.get(), principal=principal))
