"""Checks of a second factor. Each runs in the transaction that opens the session, and spends what is good once.

A check takes the user, whose row is locked, and returns which kind of factor it was; "" when it proves nothing.
"""

import logging
from collections.abc import Callable

from django.db.models import Q
from django.utils import timezone

from accounts.access.one_time import consume
from accounts.access.user_events import record_user
from accounts.core.encryption import DecryptionFailed
from accounts.mfa import recovery_codes, totp, webauthn
from accounts.mfa.webauthn_challenge import Challenge
from accounts.models import Passkey, RecoveryCode, TotpKey, User
from accounts.notifications.services import send_notice
from audit.models import Action

logger = logging.getLogger(__name__)

Verifier = Callable[[User], str]

TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"


def totp_or_recovery_code(typed: str) -> Verifier:
    """A code of the authenticator app, or a recovery code, however it was typed."""

    def check(user: User) -> str:
        if _is_app_code(user, "".join(typed.split())):
            return TOTP
        return RECOVERY_CODE if _is_recovery_code(user, typed) else ""

    return check


def passkey_assertion(answer: str, challenge: Challenge, *, alone: bool = False) -> Verifier:
    """A browser's answer to the challenge; `alone`, without a password before, it must prove its owner too."""

    def check(user: User) -> str:
        return PASSKEY if _is_passkey_answer(user, answer, challenge, alone=alone) else ""

    return check


def owner_of_passkey(answer: str) -> User | None:
    """Whose passkey an answer claims to come from; nothing is proved yet."""
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
    # Of two requests with one code, whatever else they hold locked, one finds the step still unused.
    unused = TotpKey.objects.filter(pk=app.pk, last_step__lt=step)
    sealed = app.sealed_key if totp.uses_current_key(app.sealed_key, user.pk) else totp.encrypt_secret(key, user.pk)
    return bool(unused.update(last_step=step, last_used_at=timezone.now(), sealed_key=sealed))


def _is_recovery_code(user: User, typed: str) -> bool:
    if not recovery_codes.is_well_formed(typed):
        return False
    # Deleting is the one step that only one of two racing requests can make.
    deleted, _ = RecoveryCode.objects.filter(user=user, code_hash=recovery_codes.hash_code(typed)).delete()
    if not deleted:
        return False
    left = user.recovery_codes.count()
    record_user(user, Action.RECOVERY_CODE_USED, user, left=left)
    send_notice(user, "recovery_code_used", left=left)
    return True


def _is_passkey_answer(user: User, answer: str, challenge: Challenge, *, alone: bool) -> bool:
    if challenge.expires_at <= timezone.now():
        return False
    try:
        credential_id = webauthn.claimed_credential_id(answer)
        passkey = Passkey.objects.select_related("user").filter(user=user, credential_id=credential_id).first()
        if passkey is None:
            return False
        count = webauthn.verify_assertion(answer, passkey, challenge.value, alone=alone)
    except webauthn.InvalidResponse:
        return False
    if not consume(challenge.name, challenge.expires_at):
        return False
    # A count that doesn't rise means that the key was copied (WebAuthn, section 6.1.1). Some never count.
    risen = Q(sign_count__lt=count) if count else Q(sign_count=0)
    updated = Passkey.objects.filter(risen, pk=passkey.pk).update(sign_count=count, last_used_at=timezone.now())
    if not updated:
        logger.warning("Passkey %s of user %s answered with a count that did not rise.", passkey.pk, user.pk)
    return bool(updated)
