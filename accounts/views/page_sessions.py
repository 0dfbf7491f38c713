"""A new page session in the browser, however its user signed in."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect

from accounts import devices
from accounts.middleware import SESSION_ID, USER_ID
from accounts.models import Session


def enter(request: Any, session: Session, target: str, *, remember: bool) -> HttpResponse:
    """Go on to `target` in a new session, and know the browser again."""
    _start_page_session(request, session, remember=remember)
    response = redirect(target)
    devices.remember(response, session.user)
    return response


def _start_page_session(request: Any, session: Session, *, remember: bool) -> None:
    """Put a new session into the browser; nothing of an earlier one stays (session fixation)."""
    request.session.flush()
    request.session.set_expiry(session.expires_at if remember else 0)
    request.session[SESSION_ID] = str(session.pk)
    request.session[USER_ID] = session.user_id
    rotate_token(request)
    _warn_of_duty(request, session)


def _warn_of_duty(request: Any, session: Session) -> None:
    used = session.user.factor_grace_used
    if not used or session.user.must_add_factor:
        return
    left = settings.MFA_GRACE_SIGN_INS - used
    times = "once more" if left == 1 else f"{left} more times"
    rest = f"You can sign in {times} without one." if left else "At the next sign-in you will have to."
    messages.warning(request, f"Your role requires a second factor. Set one up under Profile. {rest}")
