"""Signing in with a name and a password."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import limits, session_cache
from accounts.errors import InvalidCredentials, TooManyAttempts
from accounts.models import Session, User
from accounts.services.sessions import Refreshed, issue_tokens, open_session
from audit.context import current_origin
from audit.models import Action
from audit.services import record


@dataclass(frozen=True, slots=True)
class Typed:
    """The name that someone typed to sign in, known or not, as the actor of a refused login."""

    username: str
    pk: int | None = None


def sign_in_to_pages(*, identifier: str, password: str, remember: bool = False) -> Session:
    """Open a page session, a long one with `remember`; raises InvalidCredentials or TooManyAttempts."""
    lifetime = settings.REMEMBERED_SESSION_LIFETIME if remember else settings.PAGE_SESSION_LIFETIME
    return _sign_in(identifier, password, Session.Kind.PAGE, lifetime)


@transaction.atomic
def _with_tokens(session: Session) -> Refreshed:
    return Refreshed(session, issue_tokens(session=session))


def sign_in_with_tokens(*, identifier: str, password: str) -> Refreshed:
    """Open a token session; raises InvalidCredentials or TooManyAttempts."""
    return _with_tokens(_sign_in(identifier, password, Session.Kind.TOKEN, settings.REFRESH_TOKEN_LIFETIME))


def _sign_in(identifier: str, password: str, kind: Session.Kind, lifetime: timedelta) -> Session:
    user = User.objects.known_as(identifier)
    # A user's name and address share one counter, a name that nobody has gets its own: no difference shows.
    counter = limits.user_counter(user.pk) if user else limits.typed_counter(identifier)
    address = current_origin().ip_address
    _count(identifier, user, counter, address)
    refusal = _refusal(user, password)
    session = _open(user, kind, lifetime) if user and not refusal else None
    if session is None:
        _record_failure(identifier, user, refusal or "The account changed meanwhile.")
        raise InvalidCredentials
    limits.forgive_login(counter, address)
    return session


def _count(identifier: str, user: User | None, counter: str, address: str) -> None:
    try:
        limits.count_login(counter, address)
    except TooManyAttempts:
        # One row a window: a flood of refused guesses must not become a flood of rows.
        if limits.is_news(counter, address):
            _record_failure(identifier, user, "Too many attempts.")
        raise


def _refusal(user: User | None, password: str) -> str:
    """Why not, or "". Every answer takes the time of one hash, so that the time tells nothing."""
    if user is None:
        make_password(password)
        return "There is no such user."
    if not user.check_password(password):
        return "The password is wrong."
    return "" if user.can_sign_in else f"The account is {user.status}."


@transaction.atomic
def _open(user: User, kind: Session.Kind, lifetime: timedelta) -> Session | None:
    """The session; None when the account was disabled or its password changed while the password was checked."""
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not stored.can_sign_in or stored.password != user.password:
        return None
    session_cache.users_change([stored.pk])
    stored.last_login = timezone.now()
    stored.save(update_fields=["last_login"])
    session = open_session(user=stored, kind=kind, lifetime=lifetime)
    record(actor=stored, action=Action.LOGIN, resource="auth", session_id=session.pk, kind=kind)
    return session


def _record_failure(identifier: str, user: User | None, reason: str) -> None:
    record(
        actor=Typed(identifier, user.pk if user else None),
        action=Action.LOGIN,
        resource="auth",
        success=False,
        reason=reason,
    )
