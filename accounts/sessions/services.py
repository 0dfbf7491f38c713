"""Opens, finds, renews and ends sessions, and records the end of those that expired."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import session_cache
from accounts.access.api_key_revocation import SESSIONS_ENDED, revoke_keys_of
from accounts.access.authorization import Target, authorize, authorize_closing, service
from accounts.access.required_actions import refuse_required_action
from accounts.core.exceptions import AccountDisabled, TokenInvalid
from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.permissions import SESSION_REVOKE
from accounts.throttling import token_calls
from audit.models import Action
from audit.services import build_event, record, record_events
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound
from reprotech.core.principal import Principal
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.core.request_context import current_origin, current_principal, set_principal

#: Precision of `last_used_at`: not every request writes.
TOUCH_INTERVAL = timedelta(minutes=1)
#: Expired sessions that one transaction ends: after a long downtime there may be many.
BATCH_SIZE = 500


def open_session(*, user: User, session: Session) -> Session:
    """Store a new session for a user who has just authenticated, as part of the sign-in's transaction."""
    origin, now = current_origin(), timezone.now()
    set_principal(replace(current_principal(), user_id=user.pk))
    session.user = user
    session.created_at = session.confirmed_at = session.last_used_at = now
    session.ends_at = now + session.lifetime
    session.ip_address, session.user_agent = origin.ip_address or None, origin.user_agent[:512]
    session.expires_at = session.expiry_after(now)
    session.save(force_insert=True)
    return session


def find_session(*, session_id: UUID, user_id: int, is_attended: bool = True, is_call: bool = False) -> Session:
    """The live session with its user's grants. Raises TokenInvalid, AccountDisabled or, for API calls, TooManyAttempts.

    An unattended request, such as a page's poll, is no use of the session. At most two queries, mostly none.
    """
    cached = session_cache.fetch(session_id, user_id, is_call=is_call)
    session = cached.session
    # A session that has expired by the cache may have been used, and so extended, a moment ago.
    if session is None or not session.is_alive or (is_attended and _needs_touch(session)):
        session = load_session(session_id, user_id)
        if is_attended and _needs_touch(session):
            _touch(session)
        if cached.versions is not None:
            session_cache.store(session, cached.versions)
    if not session.is_alive:
        raise TokenInvalid
    if is_call:
        token_calls.enforce_call_limit(session_id, cached.calls)
    set_principal(Principal(user_id=session.user_id, session=session))
    return session


def load_session(session_id: UUID, user_id: int) -> Session:
    """The same from the database in one query; it doesn't count as use."""
    session: Session | None = Session.objects.with_grants().filter(pk=session_id, user_id=user_id).first()
    if session is None or session.user.deleted_at is not None:
        # A deleted account is as unknown as one that never was; only others are said to be disabled.
        raise TokenInvalid
    if not session.user.can_sign_in:
        raise AccountDisabled
    if not session.is_alive:
        raise TokenInvalid
    session.user.grants = Grants.loaded_with(session)
    return session


def _needs_touch(session: Session) -> bool:
    return timezone.now() - session.last_used_at >= TOUCH_INTERVAL


def _touch(session: Session) -> None:
    session.last_used_at = timezone.now()
    changes = {"last_used_at": session.last_used_at}
    if session.kind == Session.Kind.PAGE:
        # A token session is extended by its refresh token, not by use of the access token.
        session.expires_at = changes["expires_at"] = session.expiry_after(session.last_used_at)
    # Django's own update, which invalidates no cached session: once a minute would leave the cache little use, and
    # a cached session that seems expired is checked against the database anyway.
    QuerySet.update(Session.objects.alive().filter(pk=session.pk), **changes)


def open_app_session(*, page_session: Session, expires_at: datetime) -> Session:
    """Store a session of its own for an application that stays signed in, as part of that sign-in's transaction.

    It ends at `expires_at` unless `keep_app_session` follows.
    """
    now = timezone.now()
    session = Session(
        kind=Session.Kind.APP,
        user=page_session.user,
        created_at=now,
        last_used_at=now,
        expires_at=expires_at,
        methods=page_session.methods,
        ip_address=page_session.ip_address,
        user_agent=page_session.user_agent,
    )
    session.ends_at = now + session.lifetime
    session.save(force_insert=True)
    return session


def keep_app_session(session: Session) -> None:
    QuerySet.update(Session.objects.alive().filter(pk=session.pk), expires_at=session.expiry_after(timezone.now()))


def extend_session(session: Session) -> None:
    """Count the use of an application that is signed in by the session: a person who works there isn't idle."""
    if _needs_touch(session):
        now = timezone.now()
        changes = {"last_used_at": now, "expires_at": session.expiry_after(now)}
        QuerySet.update(Session.objects.alive().filter(pk=session.pk), **changes)


@transaction.atomic
@explicitly_recorded()
def renew_session(*, session_id: UUID, user_id: int, method: str = "password") -> Session:
    """Record that the user has just reauthenticated, and require a newer cookie: a copied one stops working."""
    session = Session.objects.alive().select_for_update(no_key=True).filter(pk=session_id, user_id=user_id).first()
    if session is None:
        raise TokenInvalid
    session.confirmed_at = timezone.now()
    session.add_method(method)
    # Of two concurrent responses the browser may keep either cookie: both carry the same generation.
    if not session.has_new_cookie:
        session.rotated_at = session.confirmed_at
        session.generation += 1
    session.save(update_fields=["confirmed_at", "methods", "rotated_at", "generation"])
    return session


def expire_recent_authentication(*, user_ids: Iterable[int]) -> None:
    # Called when users gain permissions.
    Session.objects.alive().filter(user_id__in=user_ids).update(confirmed_at=None)


@transaction.atomic
@explicitly_recorded()
def sign_out(*, session: Session) -> None:
    mark_ended([session], Session.EndReason.LOGOUT)
    record(actor=session.user, action=Action.LOGOUT, resource="auth", session_id=session.pk)


@service
def end_session(*, actor: Actor, session_id: UUID) -> None:
    """End a session: one's own, or with `session_revoke` that of others as far as `authorize_closing` allows."""
    session = Session.objects.alive().select_related("user").filter(pk=session_id).first()
    if session is None:
        raise NotFound("session")
    if session.user_id != actor.pk:
        if isinstance(actor, User):
            # Only one's own sessions may be ended before a required action.
            refuse_required_action(actor)
        authorize(actor, SESSION_REVOKE, session.user)
        authorize_closing(actor, session.user)
    require_recent_authentication()
    mark_ended([session], Session.EndReason.REVOKED)
    record(
        actor=actor,
        action=Action.SESSION_REVOKE,
        resource="session",
        resource_id=session.pk,
        resource_name=session.user.username,
        session_id=session.pk,
    )


@service
def end_other_sessions(*, actor: User, session_id: UUID, revoke_keys: bool = False) -> int:
    """End all of one's own live sessions but this one, and optionally revoke one's API keys; returns how many ended."""
    require_recent_authentication()
    if revoke_keys:
        revoke_keys_of(actor, actor, reason=SESSIONS_ENDED)
    others = list(actor.sessions.alive().exclude(pk=session_id))
    ended = mark_ended(others, Session.EndReason.REVOKED)
    return _record_ended(actor, ended, actor.username)


@service
def end_user_sessions(*, actor: Actor, user_id: int) -> int:
    """End all live sessions of a user; returns how many. Raises NotFound or Forbidden."""
    authorize(actor, SESSION_REVOKE, Target("user", user_id))
    user = User.objects.visible_to(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound("user")
    authorize_closing(actor, user)
    require_recent_authentication()
    ended = mark_ended(list(user.sessions.alive()), Session.EndReason.REVOKED)
    return _record_ended(actor, ended, user.username)


@service
def end_all_sessions(*, actor: Actor) -> int:
    """End every live session, as after a restore, which revives ended ones; returns how many."""
    authorize(actor, SESSION_REVOKE)
    ended = Session.objects.alive().update(ended_at=timezone.now(), end_reason=Session.EndReason.REVOKED)
    return _record_ended(actor, ended)


def end_sessions(*, user_ids: Iterable[int], reason: Session.EndReason, except_session: UUID | None = None) -> int:
    """End the sessions of users, as part of a change that is recorded itself; returns how many."""
    sessions = Session.objects.filter(user_id__in=user_ids, ended_at__isnull=True)
    if except_session is not None:
        sessions = sessions.exclude(pk=except_session)
    return mark_ended(list(sessions), reason)


def _record_ended(actor: Actor, ended: int, username: str = "") -> int:
    """One row for all sessions that a service ended."""
    if ended:
        record(
            actor=actor, action=Action.SESSION_REVOKE, resource="session", resource_name=username, ended_sessions=ended
        )
    return ended


def mark_ended(sessions: Iterable[Session], reason: Session.EndReason) -> int:
    # Sessions that ended meanwhile keep their reason.
    return Session.objects.filter(pk__in=[session.pk for session in sessions], ended_at__isnull=True).update(
        ended_at=timezone.now(), end_reason=reason
    )


def end_expired_sessions() -> int:
    """Record one event for each expired session; returns how many. Several processes may do this at once."""
    count = 0
    # A read first: SQLite takes its write lock only when there is work.
    while Session.objects.expired().exists():
        ended = _end_batch()
        count += ended
        if ended < BATCH_SIZE:
            break
    return count


@transaction.atomic
@explicitly_recorded()
def _end_batch() -> int:
    skip_locked = connection.features.has_select_for_update_skip_locked
    expired = Session.objects.expired().select_related("user").order_by("expires_at")
    sessions = list(expired.select_for_update(no_key=True, skip_locked=skip_locked, of=("self",))[:BATCH_SIZE])
    for reason in (Session.EndReason.IDLE, Session.EndReason.AGE):
        ids = [session.pk for session in sessions if _reason(session) == reason]
        Session.objects.filter(pk__in=ids).update(ended_at=F("expires_at"), end_reason=reason)
    record_events(
        build_event(
            actor=session.user,
            action=Action.SESSION_END,
            resource="auth",
            session_id=session.pk,
            reason=_reason(session).value,
            kind=session.kind,
            ended_at=session.expires_at,
        )
        for session in sessions
    )
    return len(sessions)


def _reason(session: Session) -> Session.EndReason:
    reached_max_age = session.ends_at is not None and session.expires_at >= session.ends_at
    return Session.EndReason.AGE if reached_max_age else Session.EndReason.IDLE
