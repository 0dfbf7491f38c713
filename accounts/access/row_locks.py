"""Locking the account that a service changes."""

from collections.abc import Callable

from accounts.access.authorization import Target, authorize, authorize_closing, authorize_over
from accounts.core.exceptions import AccountDisabled
from accounts.models import User
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound

#: What brings a locked account up to date before it is changed: `accounts.access_periods` records what has passed.
BEFORE_CHANGES: list[Callable[[User], object]] = []


def lock_for_change(actor: Actor, user_id: int, permission: str) -> User:
    """The user, locked until the transaction ends, if `actor` may change them and holds all that they hold.

    Users are always locked before roles, so there are no deadlocks. Raises Forbidden or NotFound.
    """
    user = lock_with_permission(actor, user_id, permission)
    authorize_over(actor, user)
    return user


def lock_for_closing(actor: Actor, user_id: int, permission: str) -> User:
    """The same for ending their access, which needs less: see `authorize_closing`."""
    user = lock_with_permission(actor, user_id, permission)
    authorize_closing(actor, user)
    return user


def lock_with_permission(actor: Actor, user_id: int, permission: str) -> User:
    """The same where the caller authorizes what the change does to this user."""
    user: User | None = User.objects.visible_to(actor).lock(user_id)
    # Before the result is looked at: without the permission nobody learns whether the user exists.
    authorize(actor, permission, Target("user", user_id))
    if user is None:
        raise NotFound("user")
    for bring_up_to_date in BEFORE_CHANGES:
        bring_up_to_date(user)
    return user


def lock_own_account(user_id: int) -> User:
    """The user, locked until the transaction ends, for a change by themselves; raises AccountDisabled."""
    user: User | None = User.objects.active().lock(user_id)
    if user is None:
        raise AccountDisabled
    return user
