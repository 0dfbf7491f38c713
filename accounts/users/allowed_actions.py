from django.conf import settings

from accounts.access.reader_rights import (
    missing_permissions,
    missing_to_change_roles,
    missing_to_close,
    missing_to_invite,
)
from accounts.models import User
from accounts.permissions import SESSION_REVOKE, USER_DELETE, USER_UPDATE


def allowed_actions(actor: User, user: User) -> set[str]:
    """The actions that pages offer. The services decide; this only hides what they would refuse."""
    if missing_permissions(actor, user):
        return _closing_actions(actor, user) | _granting_actions(actor, user)
    actions = set()
    if actor.has_perm(USER_UPDATE):
        actions |= {"edit", "roles", "keys"}
        if user.may_get_key_from(actor.pk):
            actions.add("make_keys")
        if actor.pk != user.pk:
            actions |= {"unlock"} if user.is_locked else {"lock", "let_in"}
            actions |= _credential_actions(user)
            if user.second_factors:
                actions.add("reset_factors")
            actions.add("deactivate" if user.is_active else "activate")
    if actor.has_perm(USER_DELETE) and actor.pk != user.pk:
        actions.add("delete")
    return actions


def _closing_actions(actor: User, user: User) -> set[str]:
    """What ends the access of a user who holds more than the actor."""
    if actor.pk == user.pk or not actor.has_perm(USER_UPDATE) or missing_to_close(actor, user):
        return set()
    actions = set() if user.is_locked else {"lock"}
    if user.is_active:
        actions.add("deactivate")
    return actions | ({"withdraw_invitation"} if user.status == "invited" else set())


def _granting_actions(actor: User, user: User) -> set[str]:
    """What a role that may grant others allows with a user who holds more than the actor."""
    if not actor.has_perm(USER_UPDATE):
        return set()
    actions = set() if missing_to_change_roles(actor, user) else {"roles"}
    if user.status == "invited" and not missing_to_invite(actor, user):
        actions.add("resend_invitation")
    return actions


def may_end_sessions(actor: User, user: User) -> bool:
    return actor.pk == user.pk or (actor.has_perm(SESSION_REVOKE) and not missing_to_close(actor, user))


def _credential_actions(user: User) -> set[str]:
    if user.status == "invited" or (user.status == "pending" and user.is_invited and user.invited_at):
        # An administrator who may set the password may also know the link that sets it.
        by_hand = {"copy_invitation", "reset_password"} if settings.ADMIN_SETS_PASSWORDS else set()
        return {"resend_invitation", "withdraw_invitation", *by_hand}
    return set() if user.is_service else {"reset_password"}
