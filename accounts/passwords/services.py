"""Changes, resets and confirms passwords."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.access.api_key_revocation import PASSWORD_CHANGED, PASSWORD_RESET, revoke_keys_of
from accounts.access.authorization import Target, authorize, authorize_over, service
from accounts.access.user_events import record_user
from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.core.exceptions import AccountDisabled
from accounts.core.hashers import hashing_slot, normalize_password
from accounts.core.period_notices import described_start
from accounts.models import EmailChange, PasswordHistory, Session, User
from accounts.notifications.links import is_valid_link, was_mailed
from accounts.notifications.services import send_notice, send_reset_link
from accounts.passwords.validators import HISTORY_LENGTH, USED_BEFORE, is_usable_hash, validators
from accounts.permissions import USER_UPDATE
from accounts.sessions.services import end_sessions, renew_session
from accounts.throttling import login_throttle, rate_limits
from audit.models import Action
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Conflict, NotFound, TooManyAttempts, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

#: Completes "There is no such ...".
INVALID_LINK = "link, or it has expired: ask for a new one"


def refuse_to_set_passwords(actor: Actor, instead: str) -> None:
    """Raise Conflict, with the alternative, where nobody may choose, and so know, another user's password."""
    # Commands may: their user has the database, and needs them most when no e-mail can be sent.
    if not settings.ADMIN_SETS_PASSWORDS and not isinstance(actor, System):
        sentence = f"Nobody sets passwords of others here (ADMIN_SETS_PASSWORDS). {instead}"
        raise Conflict(sentence, {"password": [sentence]})


def check_password_rules(user: User, password: str, field: str) -> None:
    """Check the rules that cost no hash; raises ValidationFailed with every broken one under `field`."""
    _validate(user, normalize_password(password), field, of_history=False)


def hash_new_password(user: User, password: str, field: str) -> str:
    """Hash a password that met `check_password_rules`. Raises ValidationFailed for an earlier one, or ServerBusy."""
    # Up to 1.5 seconds: never inside a transaction.
    with hashing_slot():
        _validate(user, password, field, of_history=True)
        return make_password(password)


def _validate(user: User, password: str, field: str, *, of_history: bool) -> None:
    try:
        validate_password(password, user, validators(of_history=of_history))
    except ValidationError as error:
        raise ValidationFailed({field: error.messages}) from None


def change_password(
    *, actor: User, current_password: str, new_password: str, session_id: UUID | None = None, revoke_keys: bool = False
) -> User:
    """Change one's own password, end one's other sessions and optionally revoke one's API keys."""
    user = _active(actor)
    check_password_rules(user, new_password, field="new_password")
    if normalize_password(new_password) == normalize_password(current_password):
        raise ValidationFailed({"new_password": [USED_BEFORE]})
    # One slot for both: after the first hash another request could take it.
    with hashing_slot():
        user = check_current_password(actor=actor, password=current_password, field="current_password")
        encoded = hash_new_password(user, new_password, field="new_password")
    return _store_password(
        actor=user,
        action=Action.PASSWORD_CHANGE,
        user=user,
        encoded=encoded,
        keep_session=session_id,
        revoked_keys=PASSWORD_CHANGED if revoke_keys else "",
    )


def confirm_password(*, actor: User, password: str, session_id: UUID) -> Session:
    """Reauthenticate within a session, and renew it."""
    check_current_password(actor=actor, password=password, field="password")
    return renew_session(session_id=session_id, user_id=actor.pk)


def reset_password(*, actor: Actor, user_id: int, password: str) -> User:
    """Set a password that the user must change at the next sign-in; end their sessions and revoke their API keys."""
    user = _authorize_reset(actor=actor, user_id=user_id)
    refuse_to_set_passwords(actor, "Leave it out: a link to choose one is mailed then.")
    return _replace(user, password, "password", actor=actor, action=Action.PASSWORD_RESET)


@service
def send_password_reset(*, actor: Actor, user_id: int) -> User:
    """E-mail a link to set a new password; the old one works until then."""
    user = _authorize_reset(actor=actor, user_id=user_id)
    if not user.can_sign_in:
        raise Conflict(_before_a_link(user))
    if is_withheld(user.email):
        raise Conflict(WITHHELD_MESSAGE)
    record_user(actor, Action.PASSWORD_RESET, user, sent_to=user.email)
    send_reset_link(user)
    return user


def _before_a_link(user: User) -> str:
    """Why no link leaves to an account that can't be used, and what to do first."""
    status = user.status
    if status == "pending" and user.starts_at:
        return f"The account begins on {described_start(user.starts_at)}. Send the link then, or let it begin earlier."
    step = {"locked": "Unlock it", "ended": "Give it a later end"}.get(status, "Activate it")
    return f"The account is {status}. {step} first."


def owner_of_link(*, user_id: int, link_token: str) -> User | None:
    """The user who may set a password with this link; None if it is invalid, expired or used."""
    user: User | None = User.objects.existing().people().filter(pk=user_id).first()
    return user if user and user.may_choose_password and is_valid_link(user, link_token) else None


def set_password_by_link(*, user_id: int, link_token: str, new_password: str) -> User:
    """Set the password of a link's owner, use the link up and revoke their API keys; their second factors stay."""
    # Before the expensive hash; `_store_password` checks again under the lock.
    user = owner_of_link(user_id=user_id, link_token=link_token)
    if user is None:
        raise NotFound(INVALID_LINK)
    return _replace(
        user, new_password, "new_password", actor=user, action=Action.PASSWORD_CHANGE, link_token=link_token
    )


def check_current_password(*, actor: User, password: str, field: str, action: Action = Action.PASSWORD_CHANGE) -> User:
    """The stored actor, if this is their password; a wrong one is recorded as a failed `action`."""
    with hashing_slot():  # first, so that only passwords that are checked are counted
        user = _active(actor)
        counter = login_throttle.account_key(user, "change")
        login_throttle.record_attempt(counter)
        try:
            # Too many in a minute are refused even if right: each costs a hash.
            rate_limits.count("password_proof", str(user.pk))
        except TooManyAttempts:
            login_throttle.refund_attempt(counter)
            raise
        if not user.check_password(password):
            record_user(user, action, user, success=False, reason="The current password was wrong.")
            raise ValidationFailed({field: ["This is not your current password."]})
        login_throttle.reset_attempts(counter)
    return user


def _active(actor: User) -> User:
    user: User | None = User.objects.active().filter(pk=actor.pk).first()
    if user is None:
        raise AccountDisabled
    return user


@service
def _authorize_reset(*, actor: Actor, user_id: int) -> User:
    authorize(actor, USER_UPDATE, Target("user", user_id))
    require_recent_authentication()
    user: User | None = User.objects.visible_to(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound("user")
    authorize_over(actor, user)
    # A reset doesn't ask for the present password, so it would be a way round that.
    if actor.pk == user.pk:
        raise Conflict("This is your own account. Change your password with your current one instead.")
    _refuse_service(user)
    return user


def _refuse_service(user: User) -> None:
    if user.is_service:
        raise Conflict("This is a service account: it has no password. Make an API key for it instead.")


def _replace(
    user: User, password: str, field: str, *, actor: Actor, action: Action, link_token: str | None = None
) -> User:
    """Set a password without the current one."""
    check_password_rules(user, password, field)
    encoded = hash_new_password(user, password, field)
    return _store_password(
        actor=actor, action=action, user=user, encoded=encoded, link_token=link_token, revoked_keys=PASSWORD_RESET
    )


@service
def _store_password(
    *,
    actor: Actor,
    action: Action,
    user: User,
    encoded: str,
    keep_session: UUID | None = None,
    link_token: str | None = None,
    revoked_keys: str = "",
) -> User:
    stored: User | None = User.objects.existing().lock(user.pk)
    if stored is None:
        raise NotFound("user")
    _refuse_service(stored)
    if link_token is not None and not (stored.may_choose_password and is_valid_link(stored, link_token)):
        raise NotFound(INVALID_LINK)
    # The new one was checked against the history that belongs to this password.
    if stored.password != user.password:
        raise Conflict("The password was changed by someone else a moment ago. Try again.")
    if actor.pk != stored.pk:
        # The target may have gained permissions since the reset was authorized.
        authorize(actor, USER_UPDATE, stored)
        authorize_over(actor, stored)
    must_change = action == Action.PASSWORD_RESET  # someone else knows it
    if is_usable_hash(stored.password):
        _remember_in_history(stored)
        send_notice(stored, "password_changed", by_link=link_token is not None, by_themselves=actor.pk == stored.pk)
    if link_token is not None and was_mailed(stored, link_token):
        stored.email_verified_at = stored.email_verified_at or timezone.now()
        # Unless who knew the earlier one may have added a second factor, which goes on working.
        if not stored.second_factors:
            stored.password_set_by = None
    elif actor.pk not in {stored.pk, None}:
        stored.password_set_by_id = actor.pk
    stored.password, stored.invited_at = encoded, None
    stored.must_change_password = must_change
    stored.password_changed_at = stored.updated_at = timezone.now()
    columns = (
        "email_verified_at",
        "password",
        "invited_at",
        "password_set_by",
        "must_change_password",
        "password_changed_at",
        "updated_at",
    )
    stored.save(update_fields=columns)
    # The request for another address may be the attacker's whom the new password is to keep out.
    EmailChange.objects.filter(user=stored).delete()
    ended = end_sessions(user_ids=[stored.pk], reason=Session.EndReason.PASSWORD_CHANGED, except_session=keep_session)
    record_user(actor, action, stored, must_change=must_change, ended_sessions=ended)
    if revoked_keys:
        revoke_keys_of(actor, stored, reason=revoked_keys)
    return stored


def _remember_in_history(user: User) -> None:
    PasswordHistory.objects.create(user=user, password=user.password)
    # The present password is one of those that may not be chosen again.
    kept = user.password_history.values_list("pk", flat=True)[: HISTORY_LENGTH - 1]
    user.password_history.exclude(pk__in=list(kept)).delete()
