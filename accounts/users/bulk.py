"""Changes of many users: each in its own transaction with its own audit event, so that some may be refused."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.access.authorization import OPEN_END, authorize_role_change, service
from accounts.access.row_locks import lock_for_change, lock_for_closing, lock_with_permission
from accounts.models import RoleGrant, User
from accounts.permissions import USER_UPDATE
from accounts.roles.assignments import find_roles
from accounts.sessions.services import end_user_sessions
from accounts.users.invitations.services import resend_invitation, withdraw_invitation
from accounts.users.services import lock_user, unlock_user, update_user
from reprotech.core.actors import Actor
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, DomainError, Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    #: Usernames that are as wished now, and for each of the others why not.
    done: list[str] = field(default_factory=list)
    #: Ids of those of them who weren't so before: the ones whose change can be undone.
    changed: list[int] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def set_active(*, actor: Actor, user_ids: Iterable[int], is_active: bool) -> BulkOutcome:
    return _apply_to_each(user_ids, lambda user_id: _set_active(actor=actor, user_id=user_id, is_active=is_active))


def lock(*, actor: Actor, user_ids: Iterable[int]) -> BulkOutcome:
    return _apply_to_each(user_ids, lambda user_id: _set_locked(actor=actor, user_id=user_id, is_locked=True))


def unlock(*, actor: Actor, user_ids: Iterable[int]) -> BulkOutcome:
    return _apply_to_each(user_ids, lambda user_id: _set_locked(actor=actor, user_id=user_id, is_locked=False))


def sign_out(*, actor: Actor, user_ids: Iterable[int]) -> BulkOutcome:
    """End all sessions of users, in browsers and in scripts; they may sign in again."""
    return _apply_to_each(user_ids, lambda user_id: _sign_out(actor=actor, user_id=user_id))


def assign_role(*, actor: Actor, user_ids: Iterable[int], role: str) -> BulkOutcome:
    """Assign users one more role (by name or slug). Raises ValidationFailed for an unknown role."""
    # Before the first user: an unknown role is one error, not one for each of them.
    find_roles([role])
    return _apply_to_each(user_ids, lambda user_id: _change_role(actor=actor, user_id=user_id, assigned=role))


def remove_role(*, actor: Actor, user_ids: Iterable[int], role: str) -> BulkOutcome:
    """Revoke a role (by name or slug) of users. Raises ValidationFailed for an unknown role."""
    find_roles([role])
    return _apply_to_each(user_ids, lambda user_id: _change_role(actor=actor, user_id=user_id, revoked=role))


def change_role(*, actor: Actor, user_id: int, assigned: str = "", revoked: str = "") -> User:
    return _change_role(actor=actor, user_id=user_id, assigned=assigned, revoked=revoked)[0]


def resend_invitations(*, actor: Actor, user_ids: Iterable[int]) -> BulkOutcome:
    return _apply_to_each(user_ids, lambda user_id: (resend_invitation(actor=actor, user_id=user_id), True))


def withdraw_invitations(*, actor: Actor, user_ids: Iterable[int]) -> BulkOutcome:
    return _apply_to_each(user_ids, lambda user_id: (withdraw_invitation(actor=actor, user_id=user_id), True))


@service
def _set_active(*, actor: Actor, user_id: int, is_active: bool) -> tuple[User, bool]:
    """The user, and whether that changed them."""
    lock = lock_for_change if is_active else lock_for_closing
    was_active = lock(actor, user_id, USER_UPDATE).is_active
    return update_user(actor=actor, user_id=user_id, is_active=is_active), was_active != is_active


@service
def _change_role(*, actor: Actor, user_id: int, assigned: str = "", revoked: str = "") -> tuple[User, bool]:
    # Lock before reading the roles: a concurrent change would be overwritten.
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    before = {role.slug for role in user.roles.all()}
    given, taken = (find_roles([name] if name else []) for name in (assigned, revoked))
    roles = (before | {role.slug for role in given}) - {role.slug for role in taken}
    if roles == before:
        authorize_role_change(actor, user, dict.fromkeys(given, OPEN_END), taken)
        return user, False
    # Given again it would be for good, and the person would have it for longer than before.
    for_a_time = RoleGrant.objects.filter(user=user, role__in=taken).exclude(starts_at=None, ends_at=None).exists()
    return update_user(actor=actor, user_id=user_id, roles=roles), not for_a_time


@service
def _set_locked(*, actor: Actor, user_id: int, is_locked: bool) -> tuple[User, bool]:
    lock, change = (lock_for_closing, lock_user) if is_locked else (lock_for_change, unlock_user)
    was_locked = lock(actor, user_id, USER_UPDATE).is_locked
    return change(actor=actor, user_id=user_id), was_locked != is_locked


@service
def _sign_out(*, actor: Actor, user_id: int) -> tuple[User, bool]:
    if actor.pk == user_id:
        # It would end the session that the answer is for; the profile asks about that one.
        raise Conflict("You can't sign yourself out here. Use “Sign out other sessions” on your profile.")
    ended = end_user_sessions(actor=actor, user_id=user_id)
    return User.objects.get(pk=user_id), ended > 0


def _apply_to_each(user_ids: Iterable[int], change: Callable[[int], tuple[User, bool]]) -> BulkOutcome:
    outcome = BulkOutcome()
    for user_id in dict.fromkeys(user_ids):
        try:
            user, has_changed = change(user_id)
            outcome.done.append(user.username)
            outcome.changed.extend([user_id] * has_changed)
        except NotFound:
            continue  # deleted meanwhile, or not visible to the actor
        except ReasonRefused:
            raise  # it is missing for all of them
        except DomainError as refusal:
            reason = refusal.message.rstrip(".")
            if isinstance(refusal, Forbidden):
                reason = f"it needs the permission {refusal.required}, which you don't hold"
            username = User.objects.values_list("username", flat=True).filter(pk=user_id).first()
            outcome.refused[username or f"user {user_id}"] = reason
    return outcome
