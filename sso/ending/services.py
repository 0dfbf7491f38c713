"""Marks sign-ins that no longer count as ended, and queues what the applications have to be told.

Nobody waits for this: what was taken away is refused at the next call anyway (`AppSignInQuerySet.valid`). It is for the
applications, which keep sessions of their own, and for the log.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.access.authorization import authorize, authorize_closing, service
from accounts.access.required_actions import refuse_required_action
from accounts.models import Session, User
from accounts.permissions import SESSION_REVOKE
from audit.models import Action
from audit.services import build_event, record_events
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound
from reprotech.core.reauthentication import require_recent_authentication
from sso.models import Application, AppSignIn, EndReason, LogoutNotice
from sso.models.querysets import AppSignInQuerySet
from sso.sign_ins.notices import queue_notices
from sso.sign_ins.services import end_own_sessions

#: Sign-ins that one transaction ends: with everybody's sessions there may be many.
BATCH_SIZE = 200

#: One session at one application, of which there may be several sign-ins.
Place = tuple[int, UUID | None]


def end_lost_sign_ins(people: Collection[int] | None = None) -> int:
    """End what no longer counts, of these people and by time, or of everybody; returns how many.

    Several processes may do this at once.
    """
    found = AppSignIn.objects
    if people is None:
        return _end_all(found.lost_by_state) + _end_all(found.lost_by_role)
    ended = _end_all(found.lost_by_time)
    if people:
        ended += _end_all(lambda: found.lost_by_state().of_people(people))
        ended += _end_all(lambda: found.lost_by_role().of_people(people))
    return ended


def _end_all(find: Callable[[], AppSignInQuerySet]) -> int:
    count = 0
    # A read first: SQLite takes its write lock only when there is work. Not `exists`: to find one row PostgreSQL takes
    # nested loops, three times as slow where there is none, which is nearly always.
    while find().count():
        ended = _end_batch(find)
        count += ended
        if ended < BATCH_SIZE:
            break
    return count


@service
def end_sign_in(*, actor: Actor, sign_in_id: UUID) -> None:
    """Sign a person out of an application: oneself, or with `session_revoke` others."""
    sign_in = _lock(AppSignIn.objects.unended().of_person().filter(pk=sign_in_id)).first()
    if sign_in is None:
        raise NotFound("sign-in")
    if sign_in.user_id != actor.pk:
        if isinstance(actor, User):
            # Only one's own may be ended before a required action.
            refuse_required_action(actor)
        authorize(actor, SESSION_REVOKE, sign_in.user)
        authorize_closing(actor, sign_in.user)
    require_recent_authentication()
    _end({EndReason.REVOKED: [sign_in]}, actor=actor)


def end_all_at(actor: Actor, application: Application) -> None:
    """Part of the deletion of an application, which has locked it: what it is owed outlives it."""
    unended = AppSignIn.objects.unended().filter(application=application).select_related("user__subject", "session")
    # All of them, so that no token is issued meanwhile.
    sign_ins = list(unended.order_by("pk").select_for_update(no_key=True, of=("self",)))
    for sign_in in sign_ins:
        sign_in.application = application
    _end({EndReason.APPLICATION_DELETED: [sign_in for sign_in in sign_ins if sign_in.session_id]}, actor=actor)
    LogoutNotice.objects.filter(application=application).update(
        name=application.name, address=application.backchannel_logout_uri, signing_alg=application.signing_alg
    )


@transaction.atomic
@explicitly_recorded()
def _end_batch(find: Callable[[], AppSignInQuerySet]) -> int:
    sign_ins = list(_lock(find())[:BATCH_SIZE])
    by_reason: dict[EndReason, list[AppSignIn]] = {}
    for sign_in in sign_ins:
        by_reason.setdefault(end_reason_of(sign_in), []).append(sign_in)
    _end(by_reason)
    return len(sign_ins)


def _end(by_reason: Mapping[EndReason, Collection[AppSignIn]], *, actor: Actor | None = None) -> None:
    """Sign-ins, notices and events change together or not at all: none is lost, and none is there twice."""
    for reason, sign_ins in by_reason.items():
        ids = [sign_in.pk for sign_in in sign_ins]
        AppSignIn.objects.filter(pk__in=ids).update(ended_at=timezone.now(), end_reason=reason)
        end_own_sessions(sign_ins)
        places = _by_place(sign_ins)
        queue_notices(places)
        record_events(
            build_event(
                actor=actor or sign_in.user,
                action=Action.LOGOUT,
                resource="application",
                resource_id=sign_in.application_id,
                resource_name=sign_in.application.name,
                session_id=sign_in.session_id,
                reason=reason.value,
                owner_id=sign_in.user_id,
            )
            for sign_in in places
        )


def _lock(sign_ins: AppSignInQuerySet) -> AppSignInQuerySet:
    """Those that no other process is ending, with all that decides about them."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    rows = sign_ins.select_related("application", "user__subject", "session").order_by("pk")
    return rows.select_for_update(no_key=True, skip_locked=skip_locked, of=("self",))


def end_reason_of(sign_in: AppSignIn) -> EndReason:
    """Why a person's sign-in doesn't count any more: the first cause, as a person who looks for it would ask."""
    session = sign_in.session
    if not sign_in.application.is_active:
        return EndReason.APPLICATION_INACTIVE
    if not sign_in.user.can_sign_in:
        return EndReason.ACCOUNT_DISABLED
    if session is None or not session.is_alive:
        return _reason_by_session(session)
    return EndReason.REQUIRED_ACTION if _has_required_action(sign_in.user) else EndReason.ROLE_TAKEN


def _reason_by_session(session: Session | None) -> EndReason:
    if session is None or session.ended_at is None:
        return EndReason.EXPIRED
    by_session = {
        Session.EndReason.LOGOUT: EndReason.LOGOUT,
        Session.EndReason.IDLE: EndReason.EXPIRED,
        Session.EndReason.AGE: EndReason.EXPIRED,
        Session.EndReason.ACCOUNT_DISABLED: EndReason.ACCOUNT_DISABLED,
    }
    return by_session.get(Session.EndReason(session.end_reason), EndReason.SESSION_ENDED)


def _has_required_action(user: User) -> bool:
    return user.must_change_password or user.must_add_factor


def _by_place(sign_ins: Iterable[AppSignIn]) -> list[AppSignIn]:
    """One for each session and application, if possible one whose code was redeemed."""
    found: dict[Place, AppSignIn] = {}
    for sign_in in sign_ins:
        place = (sign_in.application_id, sign_in.session_id)
        if place not in found or sign_in.access_hash:
            found[place] = sign_in
    return list(found.values())
