"""What someone who is signed in must do before anything else is open to them."""

from accounts.models import User
from accounts.permissions import SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD

CHANGE_PASSWORD = "change_password"  # noqa: S105 (no password)
ADD_FACTOR = "add_factor"


def duty_before(user: User, access: str | None) -> str:
    """The duty that comes before a view which declares this access; "" when there is none."""
    if access == SIGNED_IN_TO_CHANGE_PASSWORD:
        return ""
    if user.must_change_password:
        return CHANGE_PASSWORD
    if user.must_add_factor and access != SIGNED_IN_TO_ADD_FACTOR:
        return ADD_FACTOR
    return ""
