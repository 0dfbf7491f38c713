"""Invitations that are on their way: sent again, handed over as a link, or withdrawn."""

from django.utils import timezone

from accounts.access.authorization import authorize_invitation, service
from accounts.access.row_locks import lock_for_change, lock_for_closing, lock_with_permission
from accounts.access.user_events import record_user
from accounts.core.period_notices import described_start
from accounts.models import User
from accounts.notifications.links import handed_tokens, password_link
from accounts.notifications.services import discard_invitations, send_invitations, send_notice
from accounts.passwords.services import refuse_to_set_passwords
from accounts.permissions import USER_UPDATE
from accounts.users.account_period import invitation_is_due
from accounts.users.services import revoke_access
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict
from reprotech.core.reauthentication import require_recent_authentication

SEND_INSTEAD = "Send the invitation instead."


@service
def resend_invitation(*, actor: Actor, user_id: int) -> User:
    """Mail a new link to a person who has no password yet; earlier links stop working. Raises Conflict."""
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    authorize_invitation(actor, user)
    _refuse_uninvited(user)
    require_recent_authentication()
    _renew_link(user)
    send_invitations([user])
    record_user(actor, Action.UPDATE, user, invitation="sent", sent_to=user.email)
    return user


@service
def make_invitation_link(*, actor: Actor, user_id: int) -> str:
    """A new link, for the actor to hand over; earlier ones stop working, and the person is notified.

    Who knows the link can choose the password: Conflict where nobody may know another person's.
    """
    user = lock_for_change(actor, user_id, USER_UPDATE)
    _refuse_uninvited(user)
    refuse_to_set_passwords(actor, SEND_INSTEAD)
    require_recent_authentication()
    _renew_link(user)
    # Who has the link can choose the password.
    user.password_set_by_id = actor.pk
    user.save(update_fields=["password_set_by"])
    send_notice(user, "invitation_link_made", by=actor.username)
    record_user(actor, Action.UPDATE, user, invitation="link")
    return password_link(user, handed_tokens)


@service
def withdraw_invitation(*, actor: Actor, user_id: int) -> User:
    """Void the link of a person who has no password yet, and deactivate the account. Raises Conflict.

    An active account could ask for a link itself, as people do who forgot their password.
    """
    user = lock_for_closing(actor, user_id, USER_UPDATE)
    _refuse_accepted(user)
    if not user.is_active:
        return user
    revoke_access(actor, user)
    discard_invitations(user)
    user.is_active = False
    _save(user)
    record_user(actor, Action.UPDATE, user, changes={"is_active": (True, False)}, invitation="withdrawn")
    send_notice(user, "invitation_withdrawn")
    return user


def _refuse_uninvited(user: User) -> None:
    _refuse_accepted(user)
    if user.status == "pending" and user.starts_at and not invitation_is_due(user):
        begins = described_start(user.starts_at)
        raise Conflict(f"The account begins on {begins}. The invitation leaves by itself the day before.")
    if not user.may_choose_password:
        step = {"locked": "Unlock it", "ended": "Give it a later end"}.get(user.status, "Activate it")
        raise Conflict(f"The account is {user.status}. {step} first.")


def _refuse_accepted(user: User) -> None:
    if user.is_service:
        raise Conflict("This is a service account: nobody is invited to it.")
    if not user.is_invited:
        raise Conflict(f"{user.username} has a password already. Reset it instead.")


def _renew_link(user: User) -> None:
    discard_invitations(user)
    # Part of the links' MAC: those before become void.
    user.link_number += 1
    user.invited_at = timezone.now()
    _save(user)


def _save(user: User) -> None:
    user.updated_at = timezone.now()
    user.save(update_fields=["link_number", "invited_at", "is_active", "updated_at"])
