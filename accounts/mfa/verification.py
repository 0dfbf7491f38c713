"""Verifiers of second factors, which run in the transaction that opens the session and use up one-time codes.

A verifier takes the user, whose row is locked, and returns the kind of factor, "" if the proof is wrong.
"""

import logging
from collections.abc import Callable

from django.db.models import Q
from django.utils import timezone

from accounts.access.one_time import consume
from accounts.access.user_events import record_user
from accounts.core.encryption import DecryptionFailed
from accounts.mfa import recovery_codes, totp, webauthn
from accounts.mfa.webauthn import Challenge
from accounts.models import Passkey, RecoveryCode, TotpKey, User
from accounts.notifications.services import send_notice
from audit.models import Action

logger = logging.getLogger(__name__)

Verifier = Callable[[User], str]


def totp_or_recovery_code(typed: str) -> Verifier:
    def verify(user: User) -> str:
        if _is_app_code(user, "".join(typed.split())):
            return TotpKey.kind
        return "recovery_code" if _is_recovery_code(user, typed) else ""

    return verify


def passkey_assertion(answer: str, challenge: Challenge, *, passwordless: bool = False) -> Verifier:
    """The browser's response to a challenge; `passwordless` requires the passkey to verify its user."""
    return lambda user: Passkey.kind if _is_passkey_response(user, answer, challenge, passwordless=passwordless) else ""


def owner_of_passkey(answer: str) -> User | None:
    """The owner of the passkey that a response claims to come from; nothing is verified yet."""
    try:
        credential_id = webauthn.claimed_credential_id(answer)
    except webauthn.InvalidResponse:
        return None
    passkey = Passkey.objects.select_related("user").filter(credential_id=credential_id).first()
    return passkey.user if passkey else None


def _is_app_code(user: User, code: str) -> bool:
    app = TotpKey.objects.filter(user=user).first()
    if app is None:
        return False
    try:
        key = totp.decrypt_secret(app.sealed_key, user.pk)
    except DecryptionFailed:
        logger.error("The authenticator app's key of user %s can't be decrypted: was SECRET_KEY replaced?", user.pk)
        return False
    step = totp.matching_step(key, code)
    if step is None:
        return False
    # Of two requests with one code only one finds the step unused.
    unused = TotpKey.objects.filter(pk=app.pk, last_step__lt=step)
    # Written back under the present SECRET_KEY, so that an earlier one can be retired.
    sealed = app.sealed_key if totp.uses_current_key(app.sealed_key, user.pk) else totp.encrypt_secret(key, user.pk)
    return bool(unused.update(last_step=step, last_used_at=timezone.now(), sealed_key=sealed))


def _is_recovery_code(user: User, typed: str) -> bool:
    if not recovery_codes.is_well_formed(typed):
        return False
    # Of two racing requests only one can delete it.
    deleted, _ = RecoveryCode.objects.filter(user=user, code_hash=recovery_codes.hash_code(typed)).delete()
    if not deleted:
        return False
    left = user.recovery_codes.count()
    record_user(user, Action.RECOVERY_CODE_USED, user, left=left)
    send_notice(user, "recovery_code_used", left=left)
    return True


def _is_passkey_response(user: User, answer: str, challenge: Challenge, *, passwordless: bool) -> bool:
    if challenge.expires_at <= timezone.now():
        return False
    try:
        credential_id = webauthn.claimed_credential_id(answer)
        passkey = Passkey.objects.select_related("user").filter(user=user, credential_id=credential_id).first()
        if passkey is None:
            return False
        count = webauthn.verify_assertion(answer, passkey, challenge.value, passwordless=passwordless)
    except webauthn.InvalidResponse:
        return False
    # After the signature, so that a forged response uses up no challenge and stores nothing.
    if not consume(challenge.name, challenge.expires_at):
        return False
    # A count that doesn't rise means that the key was copied (WebAuthn, section 6.1.1). Some always send 0.
    has_risen = Q(sign_count__lt=count) if count else Q(sign_count=0)
    updated = Passkey.objects.filter(has_risen, pk=passkey.pk).update(sign_count=count, last_used_at=timezone.now())
    if not updated:
        logger.warning("Passkey %s of user %s answered with a count that did not rise.", passkey.pk, user.pk)
    return bool(updated)
