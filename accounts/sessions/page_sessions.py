"""The page session that a browser's cookie names: found for each request, started, renewed and ended."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from accounts.common.requests import PageRequest
from accounts.core.encryption import decrypt, encrypt
from accounts.models import Session
from accounts.sessions import services as session_services
from reprotech.core.exceptions import NotAuthenticated
from reprotech.core.principal import ANONYMOUS
from reprotech.core.request_context import set_principal

#: Keys of the signed cookie.
SESSION_ID_KEY = "sid"
USER_ID_KEY = "user"
GENERATION_KEY = "generation"
#: Sent by our scripts when a page polls by itself, which must not keep a session alive.
BACKGROUND_POLL_HEADER = "HTTP_X_UNATTENDED"
ENCRYPTION_PURPOSE = "session cookie"


class PageSessionMiddleware(AuthenticationMiddleware):
    """Sets `request.user` and `request.page_session`, looked up when first used."""

    # In place of Django's own, which doesn't know the `sessions` table and so can't end a session at once.

    def process_request(self, request: HttpRequest) -> None:
        session = SimpleLazyObject(lambda: _page_session(request))
        request.page_session = session  # type: ignore[attr-defined]
        # Not `session or ...`: that would look it up.
        request.user = SimpleLazyObject(lambda: session.user if session else AnonymousUser())  # type: ignore[assignment]


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
    is_attended = BACKGROUND_POLL_HEADER not in request.META
    try:
        session = session_services.find_session(session_id=known, user_id=user, is_attended=is_attended)
    except NotAuthenticated:
        return None
    if session.kind == Session.Kind.PAGE and session.accepts(request.session.get(GENERATION_KEY, 0)):
        return session
    set_principal(ANONYMOUS)
    return None


def start_session(request: HttpRequest, session: Session) -> None:
    """Store the session in the cookie."""
    # Nothing of an earlier session stays (session fixation).
    request.session.flush()
    # 0: the cookie ends with the browser.
    request.session.set_expiry(session.ends_at if session.is_remembered else 0)
    request.session[SESSION_ID_KEY] = str(session.pk)
    request.session[USER_ID_KEY] = session.user_id
    # A CSRF token that was known before the sign-in must not serve after it.
    rotate_token(request)


def end_page_session(request: PageRequest) -> None:
    session_services.sign_out(session=request.page_session)
    request.session.flush()
    rotate_token(request)


def clear_site_data(response: HttpResponse) -> HttpResponse:
    # The Back button must show no stored page.
    # Cookies stay: one holds the colour scheme of the sign-in page.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def renew_page_session(request: PageRequest) -> None:
    """Replace the cookie after something that authenticates as well as the password itself."""
    session = session_services.renew_session(session_id=request.page_session.pk, user_id=request.user.pk)
    apply_renewal(request, session)


def apply_renewal(request: PageRequest, session: Session) -> None:
    request.session[GENERATION_KEY] = session.generation
    # For the rest of this request.
    request.page_session.confirmed_at = session.confirmed_at


class EncryptedJSONSerializer:
    # Django only signs the cookie. A message for the next page may name a user, and a link is a secret.

    def dumps(self, obj: object) -> bytes:
        return urlsafe_b64decode(encrypt(json.dumps(obj, separators=(",", ":")), ENCRYPTION_PURPOSE))

    def loads(self, data: bytes) -> object:
        # Cookies of earlier versions are plain JSON; Django has checked their signature.
        return json.loads(
            data if data.startswith(b"{") else decrypt(urlsafe_b64encode(data).decode(), ENCRYPTION_PURPOSE)
        )
