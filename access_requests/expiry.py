"""Puts on record that requests ended by themselves: once for each, also what passed while no server ran.

What is open is decided when a request is read, so nobody waits for this.
"""

from django.db import connection, transaction
from django.utils import timezone

from access_requests.events import record_request
from access_requests.models import AccessRequest, State
from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.notifications.services import send_notice
from accounts.periods.grants import iso_time
from audit.models import Action
from reprotech.core.request_context import RequestOrigin, request_origin

EXPIRED, ROLE_DELETED, ACCOUNT_DELETED = "expired", "role_deleted", "account_deleted"


def close_overdue() -> int:
    """Close what ended by itself; returns how many. Several processes may do this at once."""
    found = AccessRequest.objects.overdue().order_by("user").values_list("user", flat=True).distinct()
    return sum(_close_of(user_id) for user_id in list(found))


@transaction.atomic
def _close_of(user_id: int) -> int:
    skip_locked = connection.features.has_select_for_update_skip_locked
    users = User.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    user: User | None = users.filter(pk=user_id).first()
    # None: another process has them.
    return close_overdue_of(user) if user else 0


def close_overdue_of(user: User) -> int:
    """The same of a locked user, as part of a change of their requests."""
    # Not of the request that happened to come along.
    with request_origin(RequestOrigin()):
        overdue = AccessRequest.objects.overdue().filter(user=user).order_by("pk")
        closed = list(overdue.select_for_update(no_key=True, of=("self",)))
        for request in closed:
            request.user = user
            _close(request)
    return len(closed)


def _close(request: AccessRequest) -> None:
    now = timezone.now()
    reason = ROLE_DELETED if request.role_id is None else EXPIRED
    if request.user.deleted_at is not None:
        reason = ACCOUNT_DELETED
    request.state = State.EXPIRED
    request.closed_at = request.expires_at if reason == EXPIRED else now
    request.save(update_fields=["state", "closed_at"])
    moment = iso_time(request.closed_at)
    record_request(SYSTEM, Action.UPDATE, request, "expired", reason=reason, effective_at=moment)
    if request.user.can_sign_in:
        send_notice(request.user, "access_request_expired", role=request.role_name, was_deleted=reason == ROLE_DELETED)
