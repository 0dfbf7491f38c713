"""Invitations of people whose account begins soon: they leave the day before, or at once if it begins within a day."""

from contextlib import suppress

from django.db import connection, transaction
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access.user_events import record_user
from accounts.core.period_notices import INVITES_BEFORE
from accounts.models import User
from accounts.models.user_states import PENDING, WAITING
from accounts.notifications.services import send_invitations
from audit.models import Action
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import ValidationFailed


def send_due_invitations() -> int:
    """Queue the invitations that are due; returns how many. Several processes may do this at once."""
    soon = timezone.now() + INVITES_BEFORE
    due = User.objects.filter(PENDING, WAITING, starts_at__lte=soon, invited_at=None, is_active=True, locked_at=None)
    return sum(_invite(user_id) for user_id in list(due.order_by("pk").values_list("pk", flat=True)))


@transaction.atomic
@explicitly_recorded()
def _invite(user_id: int) -> bool:
    skip_locked = connection.features.has_select_for_update_skip_locked
    users = User.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    user: User | None = users.filter(pk=user_id).first()
    # Read under the lock: another process may have sent it, or an administrator have changed the account.
    if user is None or not user.may_choose_password or not user.is_invited or user.invited_at is not None:
        return False
    user.invited_at = user.updated_at = timezone.now()
    user.save(update_fields=["invited_at", "updated_at"])
    with suppress(ValidationFailed):  # no mail leaves to their address
        send_invitations([user])
        record_user(SYSTEM, Action.UPDATE, user, invitation="sent", sent_to=user.email)
    return True
