"""Forgotten passwords: e-mails a link to users who ask for one.

The request only stores what was typed. Looking up the account and sending the e-mail happen in the background, so that
neither the response nor its time reveals whether there is an account.
"""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.core.client_networks import client_network
from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.models import ResetRequest, User
from accounts.notifications import outbox
from accounts.notifications.services import send_reset_link
from accounts.throttling import rate_limits
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import NamedActor
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.request_context import RequestOrigin, current_origin, request_origin

MAX_REQUEST_AGE = timedelta(hours=1)


@transaction.atomic
@explicitly_recorded()
def request_reset(*, typed: str) -> None:
    """Request a link for a username or e-mail address; raises TooManyAttempts."""
    origin = current_origin()
    rate_limits.count("reset_address", client_network(origin.ip_address))
    ResetRequest.objects.create(
        typed=typed,
        ip_address=origin.ip_address or None,
        user_agent=origin.user_agent[:512],
        request_id=origin.request_id[:64],
    )
    outbox.wake_after_commit()


@transaction.atomic
@explicitly_recorded()
def process_next_request() -> bool:
    """Process the oldest request; returns whether there was one."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    request = ResetRequest.objects.select_for_update(skip_locked=skip_locked).first()
    if request is None:
        return False
    request.delete()
    origin = RequestOrigin(request.ip_address or "", request.user_agent, request.request_id)
    if timezone.now() - request.created_at < MAX_REQUEST_AGE:
        with request_origin(origin):
            _process(request.typed)
    return True


def _process(typed: str) -> None:
    user = User.objects.known_as(typed)
    refusal = _refusal(user)
    if user is None or refusal:
        _record(typed, user, success=False, reason=refusal)
        return
    try:
        rate_limits.count("reset_account", str(user.pk))
    except TooManyAttempts:
        # One row per window: a flood of requests must not become a flood of rows.
        if rate_limits.is_first_refusal(f"reset-{user.pk}", current_origin().ip_address):
            _record(typed, user, success=False, reason="Too many attempts.")
        return
    send_reset_link(user, "password_forgotten")
    _record(typed, user, success=True, sent_to=user.email)


def _refusal(user: User | None) -> str:
    if user is None:
        return "There is no such user."
    if user.is_service:
        return "It is a service account."
    if is_withheld(user.email):
        return WITHHELD_MESSAGE
    return "" if user.can_sign_in else f"The account is {user.status}."


def _record(typed: str, user: User | None, *, success: bool, **details: Any) -> None:
    record(
        actor=NamedActor(typed, user.pk if user else None),
        action=Action.PASSWORD_RESET,
        resource="user" if user else "auth",
        resource_id=user.pk if user else "",
        resource_name=user.username if user else "",
        success=success,
        is_forgotten=True,
        **details,
    )
