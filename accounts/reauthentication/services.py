"""Reauthentication by a passkey on a page, and within an API call, for access tokens: no page could ask for them."""

from uuid import UUID

from django.db import transaction

from accounts.access.user_events import record_user
from accounts.mfa.verification import Verifier, passkey_assertion, totp_or_recovery_code
from accounts.mfa.webauthn import Challenge
from accounts.models import Passkey, Session, User
from accounts.passwords.services import check_current_password
from accounts.sessions.services import renew_session
from accounts.throttling import login_throttle
from audit.models import Action
from audit.services import record
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
    if not _is_accepted(user, totp_or_recovery_code(otp)):
        record_user(user, action, user, success=False, reason="The second factor was wrong or was used before.")
        raise ValidationFailed({"otp": ["This code is wrong or was used before."]})
    login_throttle.refund_success(attempt)


def confirm_by_passkey(*, actor: User, session_id: UUID, answer: str, challenge: Challenge) -> Session:
    """Reauthenticate within a session by a passkey that its owner unlocked, and renew the session."""
    attempt = login_throttle.counters_for(actor, actor.username, "factor")
    login_throttle.record_login_attempt(attempt)
    if not _is_accepted(actor, passkey_assertion(answer, challenge, passwordless=True)):
        record(actor=actor, action=Action.LOGIN, resource="auth", success=False, reason="The passkey was not accepted.")
        raise ValidationFailed({"passkey": ["The passkey was not accepted. Try again, or type your password."]})
    login_throttle.refund_success(attempt)
    return renew_session(session_id=session_id, user_id=actor.pk, method=Passkey.kind)


@transaction.atomic
@explicitly_recorded()
def _is_accepted(user: User, verifier: Verifier) -> bool:
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return bool(verifier(stored))
