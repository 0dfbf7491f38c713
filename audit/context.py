"""Where the present request comes from, for every audit row and log line that it causes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Client address ("" when there is none), user agent, id, method and path of one request."""

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""
    method: str = ""
    path: str = ""


_origin: ContextVar[RequestOrigin] = ContextVar("origin", default=RequestOrigin())  # noqa: B039 (frozen)


def current_origin() -> RequestOrigin:
    """The origin of the request being served; an empty one in commands."""
    return _origin.get()


@contextmanager
def request_origin(origin: RequestOrigin) -> Iterator[None]:
    """Make `origin` the current one within the block."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
