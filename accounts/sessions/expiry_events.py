"""Putting on record that sessions ended by themselves: nobody used them for too long, or they reached their age."""

from django.db import connection, transaction
from django.db.models import F

from accounts.models import Session
from audit.models import Action
from audit.services import build_event, record_events
from audit.tracking.model_tracking import explicitly_recorded

#: Sessions that one transaction ends; more are ended by the next ones, as after a server was down for long.
BATCH_SIZE = 500


def end_expired_sessions() -> int:
    """Note of each session that is over that it ended and why, with an event of its own; returns of how many.

    Several processes may do this at once: each session is ended by one of them.
    """
    count = 0
    # Asked first, so that SQLite isn't locked for nothing.
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
    over = Session.objects.expired().select_related("user").order_by("expires_at")
    sessions = list(over.select_for_update(no_key=True, skip_locked=skip_locked, of=("self",))[:BATCH_SIZE])
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
    has_aged = session.ends_at is not None and session.expires_at >= session.ends_at
    return Session.EndReason.AGE if has_aged else Session.EndReason.IDLE
