"""Origin, principal and reason of the request being served, for services, audit rows and log lines."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from reprotech.core.change_reason import NOT_ASKED, ChangeReason
from reprotech.core.principal import ANONYMOUS, Principal


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Client address ("" when there is none), user agent, id, method and path of one request.

    `device_cookie` recognizes a known browser; it is a secret, and no row shows it.
    """

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""
    method: str = ""
    path: str = ""
    device_cookie: str = field(default="", repr=False)


def command_origin(command: str) -> RequestOrigin:
    """The origin of a command's changes: its name, and the operating system's user, also behind sudo."""
    try:
        who = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container there may be a number alone
        who = f"user {os.getuid()}"
    if behind := os.environ.get("SUDO_USER"):
        who = f"{who}, by sudo of {behind}"
    return RequestOrigin(user_agent=f"manage.py {command} ({who})")


@dataclass(frozen=True, slots=True)
class RequestContext:
    origin: RequestOrigin = RequestOrigin()
    principal: Principal = ANONYMOUS
    reason: ChangeReason = NOT_ASKED


_current: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())  # noqa: B039 (frozen)


@contextmanager
def request_origin(origin: RequestOrigin) -> Iterator[None]:
    """Serve a request from `origin` within the block, anonymous until `set_principal`."""
    token = _current.set(RequestContext(origin))
    try:
        yield
    finally:
        _current.reset(token)


def current_origin() -> RequestOrigin:
    """The origin of the request or command; an empty one when there is neither."""
    return _current.get().origin


def current_principal() -> Principal:
    """The principal of the request; ANONYMOUS in commands and in the server's own threads."""
    return _current.get().principal


def within_scopes(permissions: frozenset[str]) -> frozenset[str]:
    """Those of these permissions that the request's API key is limited to; all of them without a key."""
    # It doesn't matter who holds the permissions: a key's request must not act as another user with more rights.
    scopes = _current.get().principal.scopes
    return permissions if scopes is None else permissions & scopes


def set_principal(principal: Principal) -> None:
    """Set the principal until the request's `request_origin` block ends."""
    current = _current.get()
    _current.set(RequestContext(current.origin, principal, current.reason))


def current_reason() -> ChangeReason:
    """Why the request or command changes things."""
    return _current.get().reason


def set_reason(reason: ChangeReason) -> None:
    """Set the reason until the `request_origin` block of the request or command ends."""
    current = _current.get()
    _current.set(RequestContext(current.origin, current.principal, reason))


@contextmanager
def change_reason(text: str) -> Iterator[None]:
    """Give the changes within the block a reason of their own: where one request makes several for several reasons."""
    before = current_reason()
    set_reason(replace(before, text=text))
    try:
        yield
    finally:
        set_reason(replace(current_reason(), text=before.text))


def refuse_reason() -> Exception:
    """The exception for a change that lacks its reason, or has no valid one; pages show it at the field."""
    reason = replace(current_reason(), is_refused=True)
    set_reason(reason)
    return reason.refusal()
