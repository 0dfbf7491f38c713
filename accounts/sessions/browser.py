"""Starts, renews and ends the page session that a browser's cookie names."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect

from accounts.common.requests import PageRequest
from accounts.models import Session, User
from accounts.sessions import services as session_services
from accounts.sessions.middleware import GENERATION_KEY, SESSION_ID_KEY, USER_ID_KEY
from accounts.throttling import known_devices


def start_session(request: HttpRequest, session: Session, target: str) -> HttpResponse:
    """Redirect to `target` with the session in the cookie, and remember the browser as a known device."""
    # Nothing of an earlier session stays (session fixation).
    request.session.flush()
    # 0: the cookie ends with the browser.
    request.session.set_expiry(session.ends_at if session.is_remembered else 0)
    request.session[SESSION_ID_KEY] = str(session.pk)
    request.session[USER_ID_KEY] = session.user_id
    # A CSRF token that was known before the sign-in must not serve after it.
    rotate_token(request)
    _warn_about_mfa_grace(request, session.user)
    response = redirect(target)
    known_devices.remember_browser(response, session.user)
    return response


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


def _warn_about_mfa_grace(request: HttpRequest, user: User) -> None:
    used = user.factor_grace_used
    if not used or user.must_add_factor:
        return
    left = settings.MFA_GRACE_SIGN_INS - used
    times = "once more" if left == 1 else f"{left} more times"
    rest = f"You can sign in {times} without one." if left else "At the next sign-in you will have to."
    messages.warning(request, f"Your role requires a second factor. Set one up under Profile. {rest}")
