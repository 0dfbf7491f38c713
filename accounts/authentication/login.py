"""Signing in: with a name and a password and, if the account has one, a second factor; or with a passkey alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.access.one_time import consume, is_consumed
from accounts.authentication import metrics as authentication_metrics
from accounts.authentication.metrics import LOCKOUTS, Outcome
from accounts.authentication.new_device_notice import send_new_device_notice
from accounts.core.exceptions import InvalidCredentials, InvalidFactor, SecondFactorRequired, TokenInvalid
from accounts.core.hashers import hashing_slot, simulate_password_check
from accounts.mfa import pending_login_token
from accounts.mfa.pending_login_token import PendingLogin
from accounts.mfa.verification import Verifier, owner_of_passkey, passkey_assertion, totp_or_recovery_code
from accounts.mfa.webauthn_challenge import Challenge
from accounts.models import Session, User
from accounts.sessions.refresh import SessionTokens, issue_tokens
from accounts.sessions.services import open_session
from accounts.throttling import login_throttle, rate_limits
from accounts.throttling.login_throttle import AttemptCounters
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import UnauthenticatedActor
from reprotech.core.exceptions import NotAuthenticated, ServerBusy, TooManyAttempts
from reprotech.core.request_context import current_origin


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """The session that a sign-in opens: of which kind and for how long."""

    kind: Session.Kind
    lifetime: timedelta
    is_remembered: bool = False


def page_session_spec(*, remember: bool) -> SessionSpec:
    """A page session, a long one with `remember` where the installation allows it."""
    if remember and settings.REMEMBERED_SESSION_LIFETIME:
        return SessionSpec(Session.Kind.PAGE, settings.REMEMBERED_SESSION_LIFETIME, is_remembered=True)
    return SessionSpec(Session.Kind.PAGE, settings.PAGE_SESSION_LIFETIME)


def token_session_spec() -> SessionSpec:
    """A token session."""
    return SessionSpec(Session.Kind.TOKEN, settings.TOKEN_SESSION_LIFETIME)


class _LoginRefused(Exception):
    """Why a session isn't opened, for the log, and what the caller is told."""

    def __init__(self, reason: str, error: NotAuthenticated) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


def sign_in_to_pages(*, identifier: str, password: str, remember: bool = False) -> Session:
    """Open a page session; raises InvalidCredentials, TooManyAttempts, or SecondFactorRequired after the password."""
    return _sign_in(identifier, password, page_session_spec(remember=remember))


@transaction.atomic
@explicitly_recorded()
def _with_tokens(session: Session) -> SessionTokens:
    return SessionTokens(session, issue_tokens(session=session))


def sign_in_with_tokens(*, identifier: str, password: str, otp: str = "") -> SessionTokens:
    """Open a token session; raises InvalidCredentials, TooManyAttempts, SecondFactorRequired or InvalidFactor.

    `otp` is a code of the user's authenticator app or a recovery code; whoever has no second factor needs none.
    """
    return _with_tokens(_sign_in(identifier, password, token_session_spec(), otp))


def finish_with_tokens(*, mfa_token: str, otp: str) -> SessionTokens:
    """Open the token session that a right password stands for; raises TokenInvalid, InvalidFactor, TooManyAttempts."""
    return _with_tokens(
        finish_sign_in(mfa_token=mfa_token, check=totp_or_recovery_code(otp), opening=token_session_spec())
    )


def finish_sign_in(*, mfa_token: str, check: Verifier, opening: SessionSpec) -> Session:
    """The second step: open the session that a right password stands for.

    The token is good once and dies with the password. Raises TokenInvalid, InvalidFactor or TooManyAttempts.
    """
    passed = pending_login_token.parse(mfa_token)
    user = User.objects.existing().filter(pk=passed.user_id).first() if passed else None
    if passed is None or user is None or not passed.is_of(user) or is_consumed(_name(passed)):
        raise TokenInvalid
    return _take_second_step(user, check, opening, passed)


def sign_in_with_passkey(*, answer: str, challenge: Challenge, remember: bool = False) -> Session:
    """Open a page session for whoever holds a passkey and unlocked it; raises InvalidFactor or TooManyAttempts."""
    address = current_origin().ip_address
    try:
        login_throttle.record_address_attempt(address)
    except TooManyAttempts:
        authentication_metrics.count_login(Outcome.THROTTLED)
        raise
    user = owner_of_passkey(answer)
    if user is None:
        authentication_metrics.count_login(Outcome.REFUSED)
        raise InvalidFactor
    check = passkey_assertion(answer, challenge, alone=True)
    opening = page_session_spec(remember=remember)
    return _opened(user, opening, lambda: login_throttle.refund_address(address), check, by_password=False)


def _take_second_step(user: User, check: Verifier, opening: SessionSpec, passed: PendingLogin | None = None) -> Session:
    # Counted apart from the password, which whoever gets here knows: a right one must not grant new guesses.
    guess = login_throttle.counters_for(user, user.username, "factor")
    _count(user.username, user, guess)
    return _opened(user, opening, lambda: login_throttle.refund_success(guess), check, passed)


def _opened(
    user: User,
    opening: SessionSpec,
    forgive: Callable[[], None],
    check: Verifier | None = None,
    passed: PendingLogin | None = None,
    *,
    by_password: bool = True,
) -> Session:
    """The session; `forgive` takes the guess back, also when the database takes nothing: that was no wrong guess."""
    try:
        session = _open(user, opening, check, passed, by_password=by_password)
    except _LoginRefused as refused:
        _record_failure(user.username, user, refused.reason)
        authentication_metrics.count_login(Outcome.REFUSED)
        raise refused.error from None
    except DatabaseError:
        forgive()
        raise
    forgive()
    authentication_metrics.count_login(Outcome.SUCCESS)
    return session


def _sign_in(identifier: str, password: str, opening: SessionSpec, otp: str = "") -> Session:
    user = User.objects.known_as(identifier)
    # A user's name and address share one counter, a name that nobody has gets its own: no difference shows.
    guess = login_throttle.counters_for(user, identifier)
    _count(identifier, user, guess)
    try:
        with hashing_slot():
            refusal = _refusal(user, password)
    except ServerBusy:
        login_throttle.refund_login_attempt(guess)
        authentication_metrics.count_login(Outcome.THROTTLED)
        raise
    if user is None or refusal:
        _record_failure(identifier, user, refusal)
        authentication_metrics.count_login(Outcome.REFUSED)
        raise InvalidCredentials
    if user.second_factors:
        login_throttle.refund_success(guess)
        if not otp:
            authentication_metrics.count_login(Outcome.SECOND_STEP)
            raise SecondFactorRequired(pending_login_token.issue(user), user.second_factors)
        return _take_second_step(user, totp_or_recovery_code(otp), opening)
    return _opened(user, opening, lambda: login_throttle.refund_success(guess))


def _count(identifier: str, user: User | None, guess: AttemptCounters) -> None:
    try:
        login_throttle.record_login_attempt(guess)
    except TooManyAttempts:
        authentication_metrics.count_login(Outcome.THROTTLED)
        # One row a window: a flood of refused guesses must not become a flood of rows.
        if rate_limits.is_first_refusal(guess.own or guess.name, guess.address):
            LOCKOUTS.inc()
            _record_failure(identifier, user, "Too many attempts.")
        raise


def _refusal(user: User | None, password: str) -> str:
    """Why not, or "". Every refusal takes the same number of hashes, so that the time tells nothing."""
    if user is None:
        simulate_password_check(password)
        return "There is no such user."
    if not user.check_password(password):
        return "The password is wrong."
    return "" if user.can_sign_in else f"The account is {user.status}."


@transaction.atomic
@explicitly_recorded()
def _open(
    user: User, opening: SessionSpec, check: Verifier | None, passed: PendingLogin | None, *, by_password: bool
) -> Session:
    """The session; raises _Refused, also when the account changed while the password was checked."""
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not stored.can_sign_in:
        raise _LoginRefused(f"The account is {stored.status}.", InvalidCredentials())
    if stored.password != user.password or (stored.second_factors and check is None):
        raise _LoginRefused("The account changed meanwhile.", InvalidCredentials())
    if passed and not consume(_name(passed), passed.expires_at):
        raise _LoginRefused("The second step was taken already.", TokenInvalid())
    factor = check(stored) if check else ""
    if check and not factor:
        raise _LoginRefused("The second factor is wrong or was used before.", InvalidFactor())
    stored.last_login = timezone.now()
    roles = list(stored.roles.order_by("position", "name").values_list("name", "requires_factor"))
    _count_grace(stored, requires_factor=any(requires for _, requires in roles))
    proofs = ["password"] * by_password + [factor] * bool(factor)
    details: dict[str, Any] = {"roles": [name for name, _ in roles], "method": "+".join(proofs)}
    if factor:
        details["factor"] = factor
    if stored.has_expired_password and not stored.must_change_password:
        stored.must_change_password, details["duty"] = True, "change_password"
    stored.save(update_fields=["last_login", "factor_grace_used", "must_add_factor", "must_change_password"])
    session = open_session(
        user=stored, kind=opening.kind, lifetime=opening.lifetime, is_remembered=opening.is_remembered
    )
    send_new_device_notice(session)
    record(actor=stored, action=Action.LOGIN, resource="auth", session_id=session.pk, kind=opening.kind, **details)
    return session


def _count_grace(user: User, *, requires_factor: bool) -> None:
    """Note a sign-in without a second factor where a role requires one; after the last that is let pass it's a duty."""
    if user.second_factors or not requires_factor:
        user.factor_grace_used, user.must_add_factor = 0, False
    else:
        user.factor_grace_used = min(user.factor_grace_used + 1, settings.MFA_GRACE_SIGN_INS + 1)
        user.must_add_factor = user.factor_grace_used > settings.MFA_GRACE_SIGN_INS


def _name(passed: PendingLogin) -> str:
    return f"mfa {passed.token_id}"


def _record_failure(identifier: str, user: User | None, reason: str) -> None:
    record(
        actor=UnauthenticatedActor(identifier, user.pk if user else None),
        action=Action.LOGIN,
        resource="auth",
        success=False,
        reason=reason,
    )
