"""Changing one's own e-mail address, or confirming the present one: by a link that is mailed there, or cancelled."""

from django.utils import timezone

from accounts.access.authorization import service
from accounts.access.row_locks import lock_own_account
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
    """Mail a link to the new address and a notice to the present one, which stays until the link is used.

    Replaces an earlier request. Raises AccountDisabled, ReauthenticationRequired, TooManyAttempts, ValidationFailed or
    Conflict.
    """
    require_recent_authentication()
    user = lock_own_account(actor.pk)
    present, address = user.email, User.objects.normalize_email(email)
    if address == present:
        raise ValidationFailed({"email": ["This is your address already."]})
    # Before the address is checked: the answer says whether another account has it.
    rate_limits.count("email_change", str(user.pk))
    check_email(user, address)
    # `check_email` has set the new one, which stays unsaved until it is confirmed.
    user.email = present
    EmailChange.objects.filter(user=user).delete()
    change = EmailChange.objects.create(user=user, address=address)
    # Erasure knows which details identify people by their names: `sent_to` is one.
    record_user(user, Action.UPDATE, user, email_change="asked", sent_to=address)
    send_address_confirmation(change)
    return change


@service
def request_confirmation(*, actor: User) -> EmailChange:
    """Mail a link to one's own address, by which it counts as verified.

    Raises AccountDisabled, TooManyAttempts, ValidationFailed, or Conflict if there is nothing to confirm.
    """
    user = lock_own_account(actor.pk)
    if user.email_verified_at:
        raise Conflict("Your address is confirmed already.")
    pending = EmailChange.objects.filter(user=user).first()
    if pending and pending.is_open and not pending.is_present:
        raise Conflict(f"You asked for another address, {pending.address}. Confirm or cancel that first.")
    rate_limits.count("email_change", str(user.pk))
    EmailChange.objects.filter(user=user).delete()
    asked = EmailChange.objects.create(user=user, address=user.email)
    record_user(user, Action.UPDATE, user, email_confirmation="asked")
    send_address_confirmation(asked)
    return asked


@service
def cancel_email_change(*, actor: User) -> None:
    """Cancel an unconfirmed change; its link stops working. Raises AccountDisabled or NotFound."""
    user = lock_own_account(actor.pk)
    change = EmailChange.objects.filter(user=user).first()
    if change is None:
        raise NotFound("change of your address")
    change.delete()
    if change.is_present:
        record_user(user, Action.UPDATE, user, email_confirmation="cancelled")
    else:
        record_user(user, Action.UPDATE, user, email_change="cancelled")


def find_email_change(*, user_id: int, link_token: str) -> EmailChange | None:
    """The change that a link confirms; None if the link is invalid, expired or used."""
    change = EmailChange.objects.select_related("user").filter(user_id=user_id).first()
    is_valid = change and change.user.can_sign_in and change.is_open and address_tokens.check_token(change, link_token)
    return change if is_valid else None


@service
def confirm_email_change(*, user_id: int, link_token: str) -> User:
    """Replace a user's address by the one that the link was mailed to; both get a notice. The present one is confirmed.

    Raises NotFound if the link is invalid, expired or used, and Conflict if the address was taken meanwhile.
    """
    try:
        user = lock_own_account(user_id)
    except AccountDisabled:
        # The reader of a link isn't signed in, and must not learn the state of the account.
        raise NotFound(INVALID_LINK) from None
    # Under the lock: of two requests with one link the second finds no change.
    change = find_email_change(user_id=user.pk, link_token=link_token)
    if change is None:
        raise NotFound(INVALID_LINK)
    if change.is_present:
        return _confirm_present(user, change)
    try:
        change_email(user=user, address=change.address)
    except Conflict:
        raise Conflict(
            f"Another account has {change.address} by now, so yours stays as it is. Choose a different address."
        ) from None
    return user


def _confirm_present(user: User, asked: EmailChange) -> User:
    user.email_verified_at = user.updated_at = timezone.now()
    user.save(update_fields=["email_verified_at", "updated_at"])
    asked.delete()
    record_user(user, Action.UPDATE, user, email_confirmation="confirmed")
    return user
