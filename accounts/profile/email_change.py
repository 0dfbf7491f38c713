"""A new address of one's own: asked for, confirmed from there, or given up."""

from accounts.access.authorization import service
from accounts.access.locks import lock_own_account
from accounts.access.user_events import record_user
from accounts.core.exceptions import AccountDisabled
from accounts.models import EmailChange, User
from accounts.notifications.links import address_tokens
from accounts.notifications.services import send_address_confirmation
from accounts.throttling import rate_limits
from accounts.users.services import change_email, check_email
from audit.models import Action
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

INVALID_LINK = "link, or it has expired: ask for the change again"


@service
def request_email_change(*, actor: User, email: str) -> EmailChange:
    """Mail a link to the new address, and word to the present one, which holds until the link is used.

    An earlier request is replaced. Raises AccountDisabled, ConfirmationRequired, TooManyAttempts, ValidationFailed
    or Conflict.
    """
    require_recent_authentication()
    user = lock_own_account(actor.pk)
    present, address = user.email, User.objects.normalize_email(email)
    if address == present:
        raise ValidationFailed({"email": ["This is your address already."]})
    rate_limits.count_email_change(user.pk)
    check_email(user, address)
    user.email = present
    EmailChange.objects.filter(user=user).delete()
    change = EmailChange.objects.create(user=user, address=address)
    # What a person's erasure takes of an event has fixed names: `sent_to` is one.
    record_user(user, Action.UPDATE, user, email_change="asked", sent_to=address)
    send_address_confirmation(change)
    return change


@service
def cancel_email_change(*, actor: User) -> None:
    """Give up a change that isn't confirmed; its link is good no longer. Raises AccountDisabled or NotFound."""
    user = lock_own_account(actor.pk)
    change = EmailChange.objects.filter(user=user).first()
    if change is None:
        raise NotFound("change of your address")
    change.delete()
    record_user(user, Action.UPDATE, user, email_change="cancelled")


def find_email_change(*, user_id: int, link_token: str) -> EmailChange | None:
    """The change that a link confirms; None for a link that is broken, old or spent."""
    found = EmailChange.objects.select_related("user").filter(user_id=user_id).first()
    is_good = found and found.user.can_sign_in and found.is_open and address_tokens.check_token(found, link_token)
    return found if is_good else None


@service
def confirm_email_change(*, user_id: int, link_token: str) -> User:
    """Replace a user's address by the one that the link was mailed to; both are told.

    Raises NotFound for a link that is broken, old or spent, and Conflict when somebody has got the address meanwhile.
    """
    try:
        user = lock_own_account(user_id)
    except AccountDisabled:
        raise NotFound(INVALID_LINK) from None
    change = find_email_change(user_id=user.pk, link_token=link_token)
    if change is None:
        raise NotFound(INVALID_LINK)
    try:
        change_email(user=user, address=change.address)
    except Conflict:
        raise Conflict(
            f"Another account has {change.address} by now, so yours stays as it is. Choose a different address."
        ) from None
    return user
