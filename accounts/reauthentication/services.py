"""Reauthentication within an API call, for access tokens: they have no page that could ask."""

from django.db import transaction

from accounts.access.user_events import record_user
from accounts.mfa.verification import totp_or_recovery_code
from accounts.models import User
from accounts.passwords.services import check_current_password
from accounts.throttling import login_throttle
from audit.models import Action
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import ValidationFailed
from reprotech.core.reauthentication import TokenReauthenticationRequired


def reauthenticate(*, actor: User, password: str, otp: str, action: Action) -> None:
    """Check the actor's password and, where the account has a second factor, a code; records failures as `action`."""
    # It hashes: never inside a transaction.
    user = check_current_password(actor=actor, password=password, field="current_password", action=action)
    if not user.second_factors:
        return
    if not otp:
        raise TokenReauthenticationRequired
    attempt = login_throttle.counters_for(user, user.username, "factor")
    login_throttle.record_login_attempt(attempt)
    if not _is_correct_code(user, otp):
        record_user(user, action, user, success=False, reason="The second factor was wrong or was used before.")
        raise ValidationFailed({"otp": ["This code is wrong or was used before."]})
    login_throttle.refund_success(attempt)


@transaction.atomic
@explicitly_recorded()
def _is_correct_code(user: User, otp: str) -> bool:
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return bool(totp_or_recovery_code(otp)(stored))
