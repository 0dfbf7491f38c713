"""One change of many users: each by the service for one, with its own audit row, so that some may be refused."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.access.authorization import service
from accounts.access.locks import lock_for_change
from accounts.models import User
from accounts.permissions import USER_UPDATE
from accounts.roles.assignments import find_roles
from accounts.users.services import update_user
from reprotech.core.actors import Actor
from reprotech.core.exceptions import DomainError, Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """Usernames of those who are now as wanted, and why others are not."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def set_active(*, actor: Actor, user_ids: Iterable[int], is_active: bool) -> BulkOutcome:
    """Activate or deactivate users."""
    return _apply_to_each(user_ids, lambda user_id: update_user(actor=actor, user_id=user_id, is_active=is_active))


def assign_role(*, actor: Actor, user_ids: Iterable[int], role: str) -> BulkOutcome:
    """Give users a role (by name or slug) beside those that they have. Raises ValidationFailed for an unknown role."""
    find_roles([role])
    return _apply_to_each(user_ids, lambda user_id: change_role(actor=actor, user_id=user_id, given=role))


def remove_role(*, actor: Actor, user_ids: Iterable[int], role: str) -> BulkOutcome:
    """Take a role (by name or slug) from users. Raises ValidationFailed for an unknown role."""
    find_roles([role])
    return _apply_to_each(user_ids, lambda user_id: change_role(actor=actor, user_id=user_id, taken=role))


@service
def change_role(*, actor: Actor, user_id: int, given: str = "", taken: str = "") -> User:
    """Assign and remove a role (by name or slug); others stay. Raises NotFound, Forbidden or Conflict."""
    # The lock comes first, so that what is read here is what is changed.
    user = lock_for_change(actor, user_id, USER_UPDATE)
    wanted = {role.slug for role in [*user.roles.all(), *find_roles([given] if given else [])]}
    wanted -= {role.slug for role in find_roles([taken] if taken else [])}
    return update_user(actor=actor, user_id=user_id, roles=wanted)


def _apply_to_each(user_ids: Iterable[int], change: Callable[[int], User]) -> BulkOutcome:
    outcome = BulkOutcome()
    for user_id in dict.fromkeys(user_ids):
        try:
            outcome.done.append(change(user_id).username)
        except NotFound:
            continue  # deleted meanwhile, or not visible to the actor
        except Forbidden as denial:
            outcome.refused[_username(user_id)] = f"it needs the permission {denial.required}, which you don't hold"
        except DomainError as refusal:
            outcome.refused[_username(user_id)] = refusal.message.rstrip(".")
    return outcome


def _username(user_id: int) -> str:
    return User.objects.values_list("username", flat=True).filter(pk=user_id).first() or f"user {user_id}"
