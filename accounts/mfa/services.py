"""Sets up, removes and resets second factors."""

from uuid import UUID

from accounts.access.api_key_revocation import FACTORS_REMOVED, revoke_keys_of
from accounts.access.authorization import service
from accounts.access.one_time import consume
from accounts.access.row_locks import lock_for_change, lock_own_account
from accounts.access.user_events import record_user
from accounts.mfa import totp, webauthn
from accounts.mfa.recovery_codes import generate_codes, hash_code
from accounts.mfa.webauthn import Challenge
from accounts.models import Passkey, RecoveryCode, Session, TotpKey, User
from accounts.notifications.services import send_notice
from accounts.permissions import USER_UPDATE
from accounts.sessions.services import end_sessions
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.normalization import is_deceptive, normalize_text
from reprotech.core.reauthentication import ReauthenticationRequired, require_recent_authentication

MAX_PASSKEYS = 20
MAX_PASSKEY_NAME_LENGTH = 60


@service
def add_authenticator_app(*, actor: User, session_id: UUID, key: str, code: str) -> list[str]:
    """Store the secret of an app that has just shown a correct code; returns recovery codes for the first factor."""
    user = _lock_own(actor, session_id)
    if TotpKey.objects.filter(user=user).exists():
        raise Conflict("You have an authenticator app already. Remove it before you set up another one.")
    step = totp.matching_step(key, code)
    if step is None:
        raise ValidationFailed({"code": ["This is not the code that the app shows now. Check the time of your phone."]})
    # With the step of its first code, which so can't be used again to sign in.
    app = TotpKey.objects.create(user=user, sealed_key=totp.encrypt_secret(key, user.pk), last_step=step)
    return _finish_adding(user, app)


@service
def add_passkey(*, actor: User, session_id: UUID, name: str, answer: str, challenge: Challenge) -> list[str]:
    """Store a passkey that has just answered the challenge; returns recovery codes for the first factor."""
    user = _lock_own(actor, session_id)
    name = _checked_name(name)
    if user.passkeys.count() >= MAX_PASSKEYS:
        raise Conflict(f"You have {MAX_PASSKEYS} passkeys. Remove one that you no longer use.")
    try:
        new = webauthn.verify_registration(answer, challenge.value)
    except webauthn.InvalidResponse:
        raise ValidationFailed({"passkey": ["The passkey could not be set up. Try again."]}) from None
    # After the verification, so that only genuine responses store a row.
    is_replay = not consume(challenge.name, challenge.expires_at)
    if is_replay or Passkey.objects.filter(credential_id=new.credential_id).exists():
        raise Conflict("This passkey is set up already.")
    new.user, new.name = user, name
    new.save(force_insert=True)
    return _finish_adding(user, new)


@service
def remove_authenticator_app(*, actor: User, session_id: UUID) -> None:
    """Remove one's authenticator app and revoke one's API keys."""
    user = _lock_own(actor, session_id)
    app = TotpKey.objects.filter(user=user).first()
    if app is None:
        raise NotFound("authenticator app")
    _remove(user, app)


@service
def remove_passkey(*, actor: User, session_id: UUID, passkey_id: int) -> None:
    """Remove one of one's passkeys and revoke one's API keys."""
    user = _lock_own(actor, session_id)
    passkey = user.passkeys.filter(pk=passkey_id).first()
    if passkey is None:
        raise NotFound("passkey")
    _remove(user, passkey)


@service
def renew_recovery_codes(*, actor: User, session_id: UUID) -> list[str]:
    user = _lock_own(actor, session_id)
    if not user.second_factors:
        raise Conflict("Set up an authenticator app or a passkey first.")
    record_user(user, Action.RECOVERY_CODES_RENEWED, user)
    send_notice(user, "recovery_codes_renewed")
    return replace_recovery_codes(user)


@service
def reset_factors(*, actor: Actor, user_id: int) -> User:
    """Remove all second factors of a user who lost them, end their sessions and revoke their API keys."""
    user = lock_for_change(actor, user_id, USER_UPDATE)
    if actor.pk == user.pk:
        raise Conflict("This is your own account. Remove factors on your profile's security page.")
    kinds = user.second_factors
    if not kinds:
        raise Conflict("The account has no second factor.")
    require_recent_authentication()
    delete_factors(user)
    ended = end_sessions(user_ids=[user.pk], reason=Session.EndReason.REVOKED)
    record_user(actor, Action.FACTOR_RESET, user, kinds=kinds, ended_sessions=ended)
    revoke_keys_of(actor, user, reason=FACTORS_REMOVED)
    send_notice(user, "factors_reset")
    return user


def _lock_own(actor: User, session_id: UUID) -> User:
    """The actor's account, locked, if the session is fresh."""
    user = lock_own_account(actor.pk)
    session = Session.objects.alive().filter(pk=session_id, user=user).first()
    if session is None or not session.is_fresh:
        raise ReauthenticationRequired
    return user


def _finish_adding(user: User, factor: TotpKey | Passkey) -> list[str]:
    is_first = not user.second_factors
    update_mfa_state(user)
    _record(user, Action.FACTOR_ADD, factor, factor.pk)
    send_notice(user, "factor_added", kind=factor.kind_name, name=factor.name)
    return replace_recovery_codes(user) if is_first else []


def _remove(user: User, factor: TotpKey | Passkey) -> None:
    factor_id = factor.pk
    factor.delete()
    update_mfa_state(user)
    # Raised after the deletion, which the rollback undoes.
    if not user.second_factors and user.roles.filter(requires_factor=True).exists():
        raise Conflict(
            "Your role requires two-factor authentication. Set up another method before you remove this one."
        )
    _record(user, Action.FACTOR_REMOVE, factor, factor_id)
    revoke_keys_of(user, user, reason=FACTORS_REMOVED)
    send_notice(user, "factor_removed", kind=factor.kind_name, name=factor.name)


def _record(user: User, action: Action, factor: TotpKey | Passkey, factor_id: int) -> None:
    # A passkey's name may be personal: it stands where erasing a person finds it.
    record(
        actor=user,
        action=action,
        resource="factor",
        resource_id=factor_id,
        resource_name=factor.name,
        kind=factor.kind,
    )


def _checked_name(name: str) -> str:
    name = " ".join(normalize_text(name).split())
    if not name or not name.isprintable() or is_deceptive(name):
        raise ValidationFailed({"name": ["Give it a name that you know it by, such as “Phone” or “Blue key”."]})
    if len(name) > MAX_PASSKEY_NAME_LENGTH:
        raise ValidationFailed({"name": [f"Use at most {MAX_PASSKEY_NAME_LENGTH} characters."]})
    return name


def update_mfa_state(user: User) -> None:
    """Store which kinds of factor the account has; without any, its recovery codes are deleted too."""
    kinds = [model.kind for model in (TotpKey, Passkey) if model.objects.filter(user=user).exists()]
    user.factor_kinds = " ".join(kinds)
    # The sign-ins that a role allows without a factor are counted from the start if the last one is removed.
    if kinds:
        user.factor_grace_used, user.must_add_factor = 0, False
    else:
        RecoveryCode.objects.filter(user=user).delete()
    user.save(update_fields=["factor_kinds", "factor_grace_used", "must_add_factor"])


def delete_factors(user: User) -> None:
    TotpKey.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    update_mfa_state(user)


def replace_recovery_codes(user: User) -> list[str]:
    """New codes, to be shown once: only their hashes are stored."""
    codes = generate_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, code_hash=hash_code(code)) for code in codes])
    return codes
