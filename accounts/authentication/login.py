"""Sign-in with a password and, if the account has one, a second factor; or with a passkey alone."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import Counter

from accounts.access.one_time import consume, is_consumed
from accounts.authentication.new_device_notice import send_new_device_notice
from accounts.core.exceptions import InvalidCredentials, InvalidFactor, SecondFactorRequired, TokenInvalid
from accounts.core.hashers import hashing_slot, simulate_password_check
from accounts.mfa import pending_login_token
from accounts.mfa.pending_login_token import PendingLoginToken
from accounts.mfa.verification import Verifier, owner_of_passkey, passkey_assertion, totp_or_recovery_code
from accounts.mfa.webauthn import Challenge
from accounts.models import Session, User
from accounts.sessions.refresh import SessionTokens, issue_tokens
from accounts.sessions.services import open_session
from accounts.throttling import login_throttle, rate_limits
from accounts.throttling.login_throttle import AttemptCounters
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import NamedActor
from reprotech.core.exceptions import NotAuthenticated, ServerBusy, TooManyAttempts
from reprotech.core.request_context import current_origin


class Outcome(StrEnum):
    """What became of an attempt, for Prometheus: never by name or address."""

    SUCCESS = "success"
    REFUSED = "refused"
    #: The password was correct, the second factor is still to come.
    SECOND_STEP = "second_step"
    #: Not checked: too many attempts, or too many sign-ins at once.
    THROTTLED = "throttled"


LOGINS = Counter("reprotech_logins_total", "Attempts to sign in, by outcome.", ["outcome"])
LOCKOUTS = Counter("reprotech_lockouts_total", "Names that were locked out of an address for a while.")
for outcome in Outcome:
    LOGINS.labels(outcome)  # present from the start: an alert would miss the first


def new_page_session(*, remember: bool) -> Session:
    """A page session to open: a long one with `remember`, where the installation allows that."""
    is_remembered = remember and bool(settings.REMEMBERED_SESSION_LIFETIME)
    return Session(kind=Session.Kind.PAGE, is_remembered=is_remembered)


class _LoginRefused(Exception):
    """The reason, for the log, and the error that the caller gets."""

    def __init__(self, reason: str, error: NotAuthenticated) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


def sign_in_to_pages(*, identifier: str, password: str, remember: bool = False) -> Session:
    """Open a page session. Raises InvalidCredentials, TooManyAttempts or SecondFactorRequired."""
    return _sign_in(identifier, password, new_page_session(remember=remember))


def sign_in_with_tokens(*, identifier: str, password: str, otp: str = "") -> SessionTokens:
    """Open a token session. Raises InvalidCredentials, TooManyAttempts, SecondFactorRequired or InvalidFactor."""
    return issue_tokens(session=_sign_in(identifier, password, Session(kind=Session.Kind.TOKEN), otp))


def finish_with_tokens(*, mfa_token: str, otp: str) -> SessionTokens:
    """The second step of a sign-in with tokens. Raises TokenInvalid, InvalidFactor or TooManyAttempts."""
    new, verifier = Session(kind=Session.Kind.TOKEN), totp_or_recovery_code(otp)
    return issue_tokens(session=finish_sign_in(mfa_token=mfa_token, verifier=verifier, session=new))


def finish_sign_in(*, mfa_token: str, verifier: Verifier, session: Session) -> Session:
    """The second step after a correct password. Raises TokenInvalid, InvalidFactor or TooManyAttempts."""
    pending = pending_login_token.parse(mfa_token)
    user = User.objects.existing().filter(pk=pending.user_id).first() if pending else None
    # A used token is refused early; of two requests at once `_store_session` lets one through.
    if pending is None or user is None or not pending.is_of(user) or is_consumed(pending.name):
        raise TokenInvalid
    return _verify_second_step(user, verifier, session, pending)


def sign_in_with_passkey(*, answer: str, challenge: Challenge, remember: bool = False) -> Session:
    """Open a page session for the owner of a passkey who unlocked it. Raises InvalidFactor or TooManyAttempts."""
    # By address alone: until the signature is verified, no account is known.
    address = current_origin().ip_address
    try:
        login_throttle.record_address_attempt(address)
    except TooManyAttempts:
        LOGINS.labels(Outcome.THROTTLED).inc()
        raise
    user = owner_of_passkey(answer)
    if user is None:
        LOGINS.labels(Outcome.REFUSED).inc()
        raise InvalidFactor
    verifier = passkey_assertion(answer, challenge, passwordless=True)
    session = new_page_session(remember=remember)
    return _open(user, session, lambda: login_throttle.refund_address(address), verifier, by_password=False)


def _verify_second_step(
    user: User, verifier: Verifier, session: Session, pending: PendingLoginToken | None = None
) -> Session:
    # Counted apart from the password, which is known by now: a correct password must not grant new attempts.
    attempt = login_throttle.counters_for(user, user.username, "factor")
    _count(user.username, user, attempt)
    return _open(user, session, lambda: login_throttle.refund_success(attempt), verifier, pending)


def _open(
    user: User,
    session: Session,
    refund: Callable[[], None],
    verifier: Verifier | None = None,
    pending: PendingLoginToken | None = None,
    *,
    by_password: bool = True,
) -> Session:
    try:
        _store_session(user, session, verifier, pending, by_password=by_password)
    except _LoginRefused as refused:
        # Outside the transaction, whose rollback would take the event with it.
        _record_failure(user.username, user, refused.reason)
        LOGINS.labels(Outcome.REFUSED).inc()
        raise refused.error from None
    except DatabaseError:  # no wrong attempt
        refund()
        raise
    refund()
    LOGINS.labels(Outcome.SUCCESS).inc()
    return session


def _sign_in(identifier: str, password: str, session: Session, otp: str = "") -> Session:
    user = User.objects.known_as(identifier)
    # Known and unknown names both have a counter, so that no difference shows.
    attempt = login_throttle.counters_for(user, identifier)
    _count(identifier, user, attempt)
    try:
        with hashing_slot():
            refusal = _refusal(user, password)
    except ServerBusy:
        login_throttle.refund_login_attempt(attempt)
        LOGINS.labels(Outcome.THROTTLED).inc()
        raise
    if user is None or refusal:
        _record_failure(identifier, user, refusal)
        LOGINS.labels(Outcome.REFUSED).inc()
        raise InvalidCredentials
    # The password was right, and the second step has counters of its own.
    if user.second_factors:
        login_throttle.refund_success(attempt)
        if not otp:
            LOGINS.labels(Outcome.SECOND_STEP).inc()
            raise SecondFactorRequired(pending_login_token.issue(user), user.second_factors)
        return _verify_second_step(user, totp_or_recovery_code(otp), session)
    return _open(user, session, lambda: login_throttle.refund_success(attempt))


def _count(identifier: str, user: User | None, attempt: AttemptCounters) -> None:
    try:
        login_throttle.record_login_attempt(attempt)
    except TooManyAttempts:
        LOGINS.labels(Outcome.THROTTLED).inc()
        # One row per window: a flood of attempts must not become a flood of rows.
        if rate_limits.is_first_refusal(attempt.own or attempt.name, attempt.address):
            LOCKOUTS.inc()
            _record_failure(identifier, user, "Too many attempts.")
        raise


def _refusal(user: User | None, password: str) -> str:
    # Every refusal takes the same number of hashes, so that its time reveals nothing.
    if user is None:
        simulate_password_check(password)
        return "There is no such user."
    if not user.check_password(password):
        return "The password is wrong."
    return "" if user.can_sign_in else f"The account is {user.status}."


@transaction.atomic
@explicitly_recorded()
def _store_session(
    user: User, session: Session, verifier: Verifier | None, pending: PendingLoginToken | None, *, by_password: bool
) -> None:
    # The account may have changed while the password was checked.
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not stored.can_sign_in:
        raise _LoginRefused(f"The account is {stored.status}.", InvalidCredentials())
    if stored.password != user.password or (stored.second_factors and verifier is None):
        raise _LoginRefused("The account changed meanwhile.", InvalidCredentials())
    if pending and not consume(pending.name, pending.expires_at):
        raise _LoginRefused("The second step was taken already.", TokenInvalid())
    factor = verifier(stored) if verifier else ""
    if verifier and not factor:
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
    session.methods = " ".join(proofs)
    open_session(user=stored, session=session)
    send_new_device_notice(session)
    record(actor=stored, action=Action.LOGIN, resource="auth", session_id=session.pk, kind=session.kind, **details)


def _count_grace(user: User, *, requires_factor: bool) -> None:
    """Count a sign-in without a second factor where a role requires one; after the last allowed one it is mandatory."""
    if user.second_factors or not requires_factor:
        user.factor_grace_used, user.must_add_factor = 0, False
    else:
        user.factor_grace_used = min(user.factor_grace_used + 1, settings.MFA_GRACE_SIGN_INS + 1)
        user.must_add_factor = user.factor_grace_used > settings.MFA_GRACE_SIGN_INS


def _record_failure(identifier: str, user: User | None, reason: str) -> None:
    record(
        actor=NamedActor(identifier, user.pk if user else None),
        action=Action.LOGIN,
        resource="auth",
        success=False,
        reason=reason,
    )
