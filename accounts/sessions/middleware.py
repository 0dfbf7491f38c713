"""Finds the page session that a request's cookie names."""

from uuid import UUID

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Session, User
from accounts.sessions.services import find_session
from reprotech.core.exceptions import NotAuthenticated
from reprotech.core.principal import ANONYMOUS
from reprotech.core.request_context import set_principal

#: Keys of the signed cookie.
SESSION_ID_KEY = "sid"
USER_ID_KEY = "user"
GENERATION_KEY = "generation"
#: Sent by our scripts when a page polls by itself, which must not keep a session alive.
BACKGROUND_POLL_HEADER = "HTTP_X_UNATTENDED"


class PageSessionMiddleware(AuthenticationMiddleware):
    """Sets `request.user` and `request.page_session`, looked up when first used."""

    # In place of Django's own, which doesn't know the `sessions` table and so can't end a session at once.

    def process_request(self, request: HttpRequest) -> None:
        request.page_session = SimpleLazyObject(lambda: _page_session(request))  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]


def _user(request: HttpRequest) -> User | AnonymousUser:
    session: Session | None = request.page_session  # type: ignore[attr-defined]
    return session.user if session else AnonymousUser()


def _page_session(request: HttpRequest) -> Session | None:
    session_id, user_id = request.session.get(SESSION_ID_KEY), request.session.get(USER_ID_KEY)
    if session_id is None or user_id is None:
        return None
    session = _session_of(request, session_id, user_id)
    if session is None:
        request.session.flush()
        request.has_outlived_session = True  # type: ignore[attr-defined]
    return session


def _session_of(request: HttpRequest, session_id: object, user_id: object) -> Session | None:
    """The session that the cookie names, unless it has ended or a newer cookie was issued for it."""
    try:
        known, user = UUID(str(session_id)), int(str(user_id))
    except ValueError:  # a cookie of another version
        return None
    try:
        session = find_session(session_id=known, user_id=user, is_attended=BACKGROUND_POLL_HEADER not in request.META)
    except NotAuthenticated:
        return None
    if session.kind == Session.Kind.PAGE and session.accepts(request.session.get(GENERATION_KEY, 0)):
        return session
    set_principal(ANONYMOUS)
    return None
