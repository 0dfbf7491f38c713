from django.conf import settings

from accounts.models import User
from accounts.permissions import USER_DELETE, USER_UPDATE
from accounts.roles.permission_tables import missing_permissions


def allowed_actions(actor: User, user: User) -> set[str]:
    """The actions that pages offer. The services decide; this only hides what they would refuse."""
    if missing_permissions(actor, user):
        return set()
    actions = set()
    if actor.has_perm(USER_UPDATE):
        actions |= {"edit", "keys"}
        if user.may_get_key_from(actor.pk):
            actions.add("make_keys")
        if actor.pk != user.pk:
            actions.add("unlock" if user.is_locked else "lock")
            actions |= _credential_actions(user)
            if user.second_factors:
                actions.add("reset_factors")
            actions.add("deactivate" if user.is_active else "activate")
    if actor.has_perm(USER_DELETE) and actor.pk != user.pk:
        actions.add("delete")
    return actions


def _credential_actions(user: User) -> set[str]:
    if user.status == "invited":
        # An administrator who may set the password may also know the link that sets it.
        by_hand = {"copy_invitation", "reset_password"} if settings.ADMIN_SETS_PASSWORDS else set()
        return {"resend_invitation", "withdraw_invitation", *by_hand}
    return set() if user.is_service else {"reset_password"}
