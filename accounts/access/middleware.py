"""Page sessions, and the access that page views declare."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject

from accounts.access.authorization import About
from accounts.access.required_actions import ADD_FACTOR, CHANGE_PASSWORD, duty_before
from accounts.models import Session
from accounts.permissions import PUBLIC, SIGNED_IN, SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD
from accounts.sessions.services import find_session
from audit.authorization import record_denial
from reprotech.core.exceptions import Forbidden, NotAuthenticated
from reprotech.core.principal import NOBODY
from reprotech.core.request_context import act_as
from reprotech.web.responses import wants_fragment

#: Keys of the signed cookie.
SESSION_ID = "sid"
USER_ID = "user"
GENERATION = "generation"
#: What our scripts send along when a page asks for news by itself: that doesn't keep a session alive.
UNATTENDED = "HTTP_X_UNATTENDED"
#: Open to whoever is signed in.
MARKS = (SIGNED_IN, SIGNED_IN_TO_CHANGE_PASSWORD, SIGNED_IN_TO_ADD_FACTOR)
PAGE_OF_DUTY = {CHANGE_PASSWORD: "change_password", ADD_FACTOR: "security"}


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
    session_id, user_id = request.session.get(SESSION_ID), request.session.get(USER_ID)
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
        session = find_session(session_id=known, user_id=user, is_attended=UNATTENDED not in request.META)
    except NotAuthenticated:
        return None
    is_good = session.kind == Session.Kind.PAGE and session.accepts(request.session.get(GENERATION, 0))
    if not is_good:
        act_as(NOBODY)
        return None
    return session


def ask_to_sign_in(request: Any) -> HttpResponse:
    """A redirect to the sign-in and back; it says so when there was a session until now."""
    if getattr(request, "has_outlived_session", False):
        messages.info(request, "Your session has ended. Sign in to go on.")
    return redirect_to_login(request.get_full_path())


class AccessMiddleware:
    """Let a page view run only for whom it declares, and one that declares nothing for nobody.

    API views declare and enforce theirs through DRF, Django admin through its site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, _args: Any, kwargs: Any) -> HttpResponse | None:
        """None to go on, a redirect to sign in, or PermissionDenied (on record)."""
        if hasattr(view, "cls") or request.resolver_match.app_names == ["admin"]:
            return None
        access = getattr(view, "access", None)
        if access == PUBLIC:
            return None
        user = request.user
        if not user.is_authenticated and wants_fragment(request):
            # The page stays as it is, with what was typed into it, and says that the session has ended.
            return HttpResponse(status=401)
        if not user.is_authenticated:
            return ask_to_sign_in(request)
        if duty := duty_before(user, access):
            return redirect(PAGE_OF_DUTY[duty])
        if access in MARKS or (access is not None and user.has_perm(access)):
            return None
        denial = Forbidden(access or "undeclared", About.named_in(kwargs))
        record_denial(user, denial)
        raise PermissionDenied(denial)
