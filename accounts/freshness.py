"""Whether whoever acts proved a moment ago who they are, before what guards accounts is changed ("sudo mode").

Only a page's cookie can be left behind on an open screen: whoever acts by one must have typed their password within
SUDO_MINUTES, on the pages, in Django admin and where the API is called with the cookie. A token or an API key is itself
what a program was given for the purpose, and commands have no cookie at all. What would outlive a stolen token is the
exception: `require_recent_proof` holds for tokens too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from accounts.errors import ConfirmationRequired, ProofRequired
from accounts.models import Session

#: The page or token session that the request came with.
_session: ContextVar[Any] = ContextVar("session", default=None)


@contextmanager
def acting_by_cookie(page_session: Any) -> Iterator[None]:
    """Let who acts within the block be the user of this page session, which may be a lazy one and of nobody."""
    token = _session.set(page_session)
    try:
        yield
    finally:
        _session.reset(token)


def act_by_token(session: Session | None) -> None:
    """The request came with the token of this session, or with an API key: a cookie that may be beside it counts not.

    Part of an `acting_by_cookie` block, with whose end it is over.
    """
    _session.set(session)


def require_fresh() -> None:
    """Raise ConfirmationRequired if who acts by a page's cookie proved too long ago who they are."""
    session = _session.get()
    if session and session.kind == Session.Kind.PAGE and not session.is_fresh:
        raise ConfirmationRequired


def require_recent_proof() -> None:
    """As `require_fresh`, also of who acts by an access token."""
    require_fresh()
    session = _session.get()
    if session and not session.is_fresh:
        raise ProofRequired
