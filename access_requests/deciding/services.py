"""Granting and declining requests: by who may give the role, and never by who asked."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from access_requests.asking.services import checked_text, closed_sentence
from access_requests.events import record_request
from access_requests.exceptions import CantSignIn, OwnRequest, PeopleOnly, RequestClosed
from access_requests.models import AccessRequest, State
from access_requests.permissions import USER_READ, USER_UPDATE
from accounts.access.authorization import Target, authorize, authorize_role_change, held_permissions, service
from accounts.access.second_person import may_be_one_person
from accounts.access_periods.services import grant_role
from accounts.core.exceptions import ApiKeyNotAllowed, SecondPersonRequired
from accounts.core.period_notices import described_end
from accounts.models import User
from accounts.notifications.services import send_notice
from accounts.periods.grants import iso_time
from audit.models import Action
from audit.services import REASON
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound, ValidationFailed
from reprotech.core.request_context import change_reason, current_principal, current_reason

#: For an end that isn't given, where None would mean "no end".
AS_ASKED: Any = object()
#: What the letter to who asked says.
GRANTED, DECLINED = "access_request_granted", "access_request_declined"


@service
def grant_request(
    *, actor: Actor, request_id: int, ends_at: datetime | None = AS_ASKED, note: str = ""
) -> AccessRequest:
    """Give the role as it was asked for, or until an earlier end, by the ordinary service in the actor's name.

    Raises NotFound, PeopleOnly, ApiKeyNotAllowed, OwnRequest, RequestClosed, CantSignIn, ValidationFailed, and whatever
    the grant raises: Forbidden, OwnGrantEndsEarlier, Segregation, Conflict.
    """
    note = checked_text("note", note)
    request, user = _lock_for_decision(actor, request_id)
    if not user.can_sign_in:
        raise CantSignIn(
            f"{user.username} can't sign in at the moment: the account is {user.status}. Nothing was changed. "
            "Decline the request, or decide once that is different."
        )
    end = request.ends_at if ends_at is AS_ASKED else ends_at
    if request.ends_at is not None and (end is None or end > request.ends_at):
        asked = described_end(request.ends_at)
        raise ValidationFailed(
            {"ends_at": [f"They asked for access that ends {asked}. Choose that or an earlier end."]}
        )
    # Where a reason is required, that of the request is one.
    with change_reason(current_reason().text or request.reason):
        grant = grant_role(
            actor=actor,
            user_id=user.pk,
            role=request.role.slug if request.role else "",
            ends_at=end,
            reason=request.reason,
            request_id=request.pk,
        )
    request.granted_until = grant.ends_at
    _close(actor, request, State.GRANTED, note, granted_until=iso_time(grant.ends_at))
    _mail(request, GRANTED, until=described_end(grant.ends_at) if grant.ends_at else "")
    return request


@service
def decline_request(*, actor: Actor, request_id: int, note: str) -> AccessRequest:
    """Refuse a request; the note says why. Who may give the role may decline it, by the same rules."""
    note = checked_text("note", note, missing="Say why, or what they should do instead.")
    request, _ = _lock_for_decision(actor, request_id)
    _close(actor, request, State.DECLINED, note)
    _mail(request, DECLINED)
    return request


def _lock_for_decision(actor: Actor, request_id: int) -> tuple[AccessRequest, User]:
    """The request and who asked, both locked, if `actor` may give the role and the request is open."""
    if current_principal().api_key:
        raise ApiKeyNotAllowed
    user_id = AccessRequest.objects.filter(pk=request_id).values_list("user", flat=True).first()
    # Users before all else, as every service locks them; permissions are read after that.
    user = User.objects.lock(user_id) if user_id else None
    locked = AccessRequest.objects.select_for_update(no_key=True, of=("self",)).select_related("role", "decided_by")
    request: AccessRequest | None = locked.filter(pk=request_id).first() if user else None
    if request is not None and request.user_id == actor.pk:
        raise OwnRequest
    authorize(actor, USER_UPDATE, Target("access_request", request_id))
    if request is None or user is None:
        raise NotFound("request")
    if not isinstance(actor, User) or actor.is_service:
        raise PeopleOnly
    if may_be_one_person(actor, user):
        raise SecondPersonRequired
    request.user = user
    if not request.is_open or request.role is None:
        raise RequestClosed(closed_sentence(request, decider=_decider(actor, request)))
    # For a moment at least: how long they may give it, the grant decides.
    authorize_role_change(actor, user, {request.role: timezone.now()})
    return request, user


def _decider(actor: Actor, request: AccessRequest) -> str:
    if request.decided_by_id == actor.pk:
        return "you"
    may_read = USER_READ in held_permissions(actor)
    return request.decided_by.username if request.decided_by and may_read else ""


def _close(actor: Actor, request: AccessRequest, state: State, note: str, **details: object) -> None:
    request.state, request.note, request.decided_by_id = state, note, actor.pk
    request.closed_at = timezone.now()
    request.save(update_fields=["state", "note", "decided_by", "closed_at", "granted_until"])
    if note:
        # As a reason it is erased with the person whom it is about.
        details[REASON] = "; ".join(filter(None, (current_reason().text, note)))
    record_request(actor, Action.UPDATE, request, state.value, **details)


def _mail(request: AccessRequest, letter: str, **context: Any) -> None:
    if request.user.can_sign_in:
        send_notice(request.user, letter, role=request.role_label(request.user), note=request.note, **context)
