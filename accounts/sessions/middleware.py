"""The page session of a request."""

from typing import Any
from uuid import UUID

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Session
from accounts.sessions.services import find_session
from reprotech.core.exceptions import NotAuthenticated
from reprotech.core.principal import ANONYMOUS
from reprotech.core.request_context import set_principal

#: Keys of the signed cookie.
SESSION_ID_KEY = "sid"


USER_ID_KEY = "user"


GENERATION_KEY = "generation"


#: What our scripts send along when a page asks for news by itself: that doesn't keep a session alive.
BACKGROUND_POLL_HEADER = "HTTP_X_UNATTENDED"


class PageSessionMiddleware(AuthenticationMiddleware):
    """Set `request.user` and `request.page_session` from the session that the cookie names, if it lives.

    It takes the place of Django's own, which knows no `sessions` table and so can't end anything at once.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Look the session up when it is first asked for."""
        request.page_session = SimpleLazyObject(lambda: _page_session(request))  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]


def _user(request: Any) -> Any:
    return request.page_session.user if request.page_session else AnonymousUser()


def _page_session(request: Any) -> Session | None:
    session_id, user_id = request.session.get(SESSION_ID_KEY), request.session.get(USER_ID_KEY)
    if session_id is None or user_id is None:
        return None
    session = _session_of(request, session_id, user_id)
    if session is None:
        request.session.flush()
        request.has_outlived_session = True
    return session


def _session_of(request: Any, session_id: Any, user_id: Any) -> Session | None:
    """The session that the cookie names; None when it has ended, or when a cookie newer than this one was given out."""
    try:
        known, user = UUID(str(session_id)), int(user_id)
    except (ValueError, TypeError):  # signed by us, but not by this version
        return None
    try:
        session = find_session(session_id=known, user_id=user, is_attended=BACKGROUND_POLL_HEADER not in request.META)
    except NotAuthenticated:
        return None
    is_good = session.kind == Session.Kind.PAGE and session.accepts(request.session.get(GENERATION_KEY, 0))
    if not is_good:
        set_principal(ANONYMOUS)
        return None
    return session
