"""What someone who is signed in must do before anything else is open to them."""

from accounts.core.exceptions import PasswordChangeRequired, SecondFactorSetupRequired
from accounts.models import User
from reprotech.web.access import SIGNED_IN, SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD

CHANGE_PASSWORD = "change_password"  # noqa: S105 (no password)
ADD_FACTOR = "add_factor"


def required_action_for(user: User, access: str | None) -> str:
    """The duty that comes before a view which declares this access; "" when there is none."""
    if access == SIGNED_IN_TO_CHANGE_PASSWORD:
        return ""
    if user.must_change_password:
        return CHANGE_PASSWORD
    if user.must_add_factor and access != SIGNED_IN_TO_ADD_FACTOR:
        return ADD_FACTOR
    return ""


def has_required_action(user: User) -> bool:
    """Whether something must be done before the account's permissions can be used, by whatever credential."""
    return bool(required_action_for(user, SIGNED_IN))


def refuse_required_action(user: User, access: str = SIGNED_IN) -> None:
    """Raise PasswordChangeRequired or SecondFactorSetupRequired if that comes before what declares this access."""
    if duty := required_action_for(user, access):
        raise PasswordChangeRequired if duty == CHANGE_PASSWORD else SecondFactorSetupRequired
