"""Required actions: what a signed-in user must do before anything else."""

from accounts.core.exceptions import PasswordChangeRequired, SecondFactorSetupRequired
from accounts.models import User
from reprotech.web.access import SIGNED_IN, SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD

CHANGE_PASSWORD = "change_password"  # noqa: S105 (no password)
ADD_FACTOR = "add_factor"


def required_action_for(user: User, access: str | None) -> str:
    """The action that comes before a view with this declared access; "" if there is none."""
    if access == SIGNED_IN_TO_CHANGE_PASSWORD:
        return ""
    if user.must_change_password:
        return CHANGE_PASSWORD
    if user.must_add_factor and access != SIGNED_IN_TO_ADD_FACTOR:
        return ADD_FACTOR
    return ""


def has_required_action(user: User) -> bool:
    """Whether an action comes before the use of any permission, by whatever credential."""
    return bool(required_action_for(user, SIGNED_IN))


def refuse_required_action(user: User, access: str = SIGNED_IN) -> None:
    """Raise PasswordChangeRequired or SecondFactorSetupRequired if that comes first."""
    if action := required_action_for(user, access):
        raise PasswordChangeRequired if action == CHANGE_PASSWORD else SecondFactorSetupRequired
