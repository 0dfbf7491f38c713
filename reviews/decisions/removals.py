"""Carries out removals by the ordinary services, with their rules and events."""

from dataclasses import dataclass

from accounts.access_periods.services import revoke_role
from accounts.api_keys.services import revoke_key
from accounts.models import RoleGrant, User
from accounts.roles.services import delete_role
from accounts.users.services import lock_user, update_user
from reprotech.core.actors import Actor
from reprotech.core.exceptions import DomainError, Forbidden
from reprotech.core.request_context import change_reason
from reviews.models import ItemKind, ReviewItem
from sso.applications.services import update_application

REMOVE, LOCK = "remove", "lock"


@dataclass(frozen=True, slots=True)
class Result:
    """Whether it is done, and why not."""

    is_done: bool
    note: str = ""


def carry_out(actor: Actor, item: ReviewItem, action: str) -> Result:
    """Remove what an item is about, or lock its person; what is gone already is done.

    What the actor may not do stays to be done by another. Raises Conflict, in the service's words, where nobody may.
    """
    reason = item.reason or f"Not answered in the access review “{item.review.name}”"
    try:
        with change_reason(reason):
            note = _do(actor, item, action)
    except Forbidden as refusal:
        return Result(is_done=False, note=f"The right {refusal.required} was missing.")
    return Result(is_done=True, note=note)


def try_to_carry_out(actor: Actor, item: ReviewItem, action: str) -> Result:
    """The same where no one waits for the answer: every refusal stays to be done by a person."""
    try:
        return carry_out(actor, item, action)
    except DomainError as refusal:
        return Result(is_done=False, note=refusal.message[:300])


def _do(actor: Actor, item: ReviewItem, action: str) -> str:
    if action == LOCK:
        return _lock(actor, item)
    return {
        ItemKind.ACCOUNT: _deactivate,
        ItemKind.GRANT: _take_role,
        ItemKind.ROLE: _delete_role,
        ItemKind.KEY: _revoke_key,
        ItemKind.APPLICATION: _close_application,
    }[ItemKind(item.kind)](actor, item)


def _person(item: ReviewItem) -> User | None:
    found: User | None = User.objects.existing().filter(pk=item.user_id).first() if item.user_id else None
    return found


def _lock(actor: Actor, item: ReviewItem) -> str:
    person = _person(item)
    if person is None or person.is_locked:
        return "Was locked or deleted already."
    lock_user(actor=actor, user_id=person.pk)
    return ""


def _deactivate(actor: Actor, item: ReviewItem) -> str:
    person = _person(item)
    if person is None or not person.is_active:
        return "Was inactive or deleted already."
    update_user(actor=actor, user_id=person.pk, is_active=False)
    return ""


def _take_role(actor: Actor, item: ReviewItem) -> str:
    person, role = _person(item), item.role
    # What begins later too: it was given since, or goes on after a break.
    if person is None or role is None or not RoleGrant.objects.unended().filter(user=person, role=role).exists():
        return "Was taken already."
    revoke_role(actor=actor, user_id=person.pk, role=role.slug)
    return ""


def _delete_role(actor: Actor, item: ReviewItem) -> str:
    if item.role_id is None:
        return "Was deleted already."
    delete_role(actor=actor, role_id=item.role_id)
    return ""


def _revoke_key(actor: Actor, item: ReviewItem) -> str:
    if item.key is None or item.user_id is None or item.key.revoked_at or item.key.is_expired:
        return "Was revoked or had expired already."
    revoke_key(actor=actor, user_id=item.user_id, key_id=item.key.pk)
    return ""


def _close_application(actor: Actor, item: ReviewItem) -> str:
    if item.application is None or not item.application.is_active:
        return "Was inactive or deleted already."
    update_application(actor=actor, application_id=item.application.pk, is_active=False)
    return ""
