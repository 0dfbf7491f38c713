"""A new page session in the browser, however its user signed in."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect

from accounts.models import Session
from accounts.sessions import services as session_services
from accounts.sessions.middleware import GENERATION_KEY, SESSION_ID_KEY, USER_ID_KEY
from accounts.throttling import known_devices


def start_session(request: Any, session: Session, target: str) -> HttpResponse:
    """Go on to `target` in a new session, and know the browser again."""
    _start_page_session(request, session)
    response = redirect(target)
    known_devices.remember_browser(response, session.user)
    return response


def _start_page_session(request: Any, session: Session) -> None:
    """Put a new session into the browser; nothing of an earlier one stays (session fixation)."""
    request.session.flush()
    request.session.set_expiry(session.ends_at if session.is_remembered else 0)
    request.session[SESSION_ID_KEY] = str(session.pk)
    request.session[USER_ID_KEY] = session.user_id
    rotate_token(request)
    _warn_about_mfa_grace(request, session)


def end_page_session(request: Any) -> None:
    """End the browser's session and forget what is in its cookies."""
    session_services.sign_out(session=request.page_session)
    request.session.flush()
    rotate_token(request)


def clear_site_data(response: HttpResponse) -> HttpResponse:
    """An answer upon which the browser forgets what it kept of our pages, for the Back button too."""
    # Not the cookies: one tells the sign-in page which colours to wear.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def renew_page_session(request: Any) -> None:
    """Give the browser a new cookie, after what proves just as well who sits there."""
    session = session_services.renew_session(session_id=request.page_session.pk, user_id=request.user.pk)
    apply_renewal(request, session)


def apply_renewal(request: Any, session: Session) -> None:
    request.session[GENERATION_KEY] = session.generation
    # For what else this request does.
    request.page_session.confirmed_at = session.confirmed_at


def _warn_about_mfa_grace(request: Any, session: Session) -> None:
    used = session.user.factor_grace_used
    if not used or session.user.must_add_factor:
        return
    left = settings.MFA_GRACE_SIGN_INS - used
    times = "once more" if left == 1 else f"{left} more times"
    rest = f"You can sign in {times} without one." if left else "At the next sign-in you will have to."
    messages.warning(request, f"Your role requires a second factor. Set one up under Profile. {rest}")
