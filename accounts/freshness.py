"""Whether whoever acts proved a moment ago who they are, before what guards accounts is changed ("sudo mode").

Only a page's cookie can be left behind on an open screen: whoever acts by one must have typed their password within
SUDO_MINUTES, on the pages, in Django admin and where the API is called with the cookie. A token or an API key is itself
what a program was given for the purpose, and commands have no cookie at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from accounts.errors import ConfirmationRequired

_page_session: ContextVar[Any] = ContextVar("page_session", default=None)


@contextmanager
def acting_by_cookie(page_session: Any) -> Iterator[None]:
    """Let who acts within the block be the user of this page session, which may be a lazy one and of nobody."""
    token = _page_session.set(page_session)
    try:
        yield
    finally:
        _page_session.reset(token)


def act_by_token() -> None:
    """The request came with a token or an API key, which counts and not the cookie that may be beside it."""
    _page_session.set(None)


def require_fresh() -> None:
    """Raise ConfirmationRequired if who acts by a page's cookie proved too long ago who they are."""
    page_session = _page_session.get()
    if page_session and not page_session.is_fresh:
        raise ConfirmationRequired
