"""Asking for a role, and withdrawing that."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from access_requests.asking.roles import may_ask, requestable_roles
from access_requests.events import record_request
from access_requests.exceptions import AskedAlready, PeopleOnly, RequestClosed, TooManyRequests
from access_requests.expiry import close_overdue_of
from access_requests.models import LIFETIME, AccessRequest, State
from access_requests.new_requests import look_at_new_requests
from accounts.access.authorization import service
from accounts.access.row_locks import BEFORE_CHANGES, lock_own_account
from accounts.core.validators import validate_plain_text
from accounts.models import Role, RoleGrant, User
from accounts.periods.grants import described_period
from accounts.periods.validation import check_period
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.change_reason import MAX_REASON_LENGTH
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.normalization import normalize_text
from reprotech.core.request_context import current_principal, current_reason

#: The same for a role that is hidden and for none: nobody learns names by asking.
NO_SUCH_ROLE = "There is no role of this name that people may ask for."


@service
def ask_for_role(*, actor: Actor, role: str, reason: str = "", ends_at: datetime | None = None) -> AccessRequest:
    """Ask for a role (name or slug) for oneself, without or until an end.

    Raises PeopleOnly, ValidationFailed, AskedAlready, TooManyRequests, or Conflict where they have the role.
    """
    user = _lock_person(actor)
    found = requestable_roles().called(role).first()
    if found is None:
        raise ValidationFailed({"role": [NO_SUCH_ROLE]})
    text = checked_text("reason", reason or current_reason().text, missing="Say what you need the role for.")
    check_period(None, ends_at, max_days=settings.GRANT_MAX_DAYS)
    _refuse_held(user, found, ends_at)
    _refuse_repeated(user, found)
    now = timezone.now()
    request = AccessRequest.objects.create(
        user=user,
        role=found,
        role_name=found.name,
        reason=text,
        ends_at=ends_at,
        asked_at=now,
        expires_at=min(now + LIFETIME, ends_at or now + LIFETIME),
    )
    record_request(actor, Action.CREATE, request, "asked", reason_given=text)
    transaction.on_commit(look_at_new_requests)
    return request


@service
def withdraw_request(*, actor: Actor, request_id: int) -> AccessRequest:
    """Take back one's own open request. Raises NotFound or RequestClosed."""
    user = _lock_person(actor)
    own = AccessRequest.objects.select_for_update(no_key=True, of=("self",)).with_people()
    request: AccessRequest | None = own.filter(user=user, pk=request_id).first()
    if request is None:
        raise NotFound("request")
    if not request.is_open:
        raise RequestClosed(closed_sentence(request))
    request.state, request.closed_at = State.WITHDRAWN, timezone.now()
    request.save(update_fields=["state", "closed_at"])
    record_request(actor, Action.UPDATE, request, "withdrawn")
    return request


def checked_text(field: str, text: str, *, missing: str = "") -> str:
    """The text on one line; raises ValidationFailed, also if it is `missing` where there must be one."""
    text = normalize_text(" ".join(text.split()))
    if missing and not text:
        raise ValidationFailed({field: [missing]})
    if len(text) > MAX_REASON_LENGTH:
        raise ValidationFailed({field: [f"Use at most {MAX_REASON_LENGTH} characters."]})
    try:
        validate_plain_text(text)
    except ValidationError as error:
        raise ValidationFailed({field: list(error.messages)}) from None
    return text


def closed_sentence(request: AccessRequest, *, decider: str = "") -> str:
    """Why nothing can be done with it any more; `decider` where the reader may know who it was."""
    when = f" on {request.closed_at:%-d %b %Y at %H:%M} UTC" if request.closed_at else ""
    if request.state in {State.GRANTED, State.DECLINED}:
        return f"This request was {request.state}{f' by {decider}' if decider else ''}{when} already."
    if request.state == State.WITHDRAWN:
        return f"This request was withdrawn{when}."
    if request.role_id is None:
        return "The role of this request was deleted. It has to be asked for another one."
    return "This request has expired. It has to be asked for again."


def _lock_person(actor: Actor) -> User:
    if current_principal().api_key or actor.pk is None:
        raise PeopleOnly
    user = lock_own_account(actor.pk)
    if not may_ask(user):
        raise PeopleOnly
    for bring_up_to_date in BEFORE_CHANGES:
        bring_up_to_date(user)
    # What has expired counts no more, also where no worker has seen it yet.
    close_overdue_of(user)
    return user


def _refuse_held(user: User, role: Role, ends_at: datetime | None) -> None:
    grants = RoleGrant.objects.unended().filter(user=user, role=role).overlapping(None, ends_at)
    if grant := grants.order_by("starts_at").first():
        sentence = f"You have the role {role} {described_period(grant.starts_at, grant.ends_at)} already."
        if grant.ends_at:
            sentence += " Ask who gave it to you to extend it."
        raise Conflict(sentence, {"role": [sentence]})


def _refuse_repeated(user: User, role: Role) -> None:
    waiting = list(AccessRequest.objects.open().filter(user=user))
    if any(request.role_id == role.pk for request in waiting):
        sentence = f"You asked for the role {role} already. Wait for the decision, or withdraw that request first."
        raise AskedAlready(sentence, {"role": [sentence]})
    if len(waiting) >= AccessRequest.MAX_OPEN:
        sentence = (
            f"You have {len(waiting)} open requests, and more can't be open at once. Withdraw one, or wait until it is "
            "decided."
        )
        raise TooManyRequests(sentence, {"role": [sentence]})
    made = AccessRequest.objects.filter(user=user, asked_at__gt=timezone.now() - timedelta(days=1)).count()
    if made >= AccessRequest.MAX_A_DAY:
        sentence = f"You made {made} requests within a day, and more are not taken. Ask again tomorrow."
        raise TooManyRequests(sentence, {"role": [sentence]})
