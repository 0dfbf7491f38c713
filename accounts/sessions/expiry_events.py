"""Records the end of sessions that were unused for too long or reached their maximum age."""

from django.db import connection, transaction
from django.db.models import F

from accounts.models import Session
from audit.models import Action
from audit.services import build_event, record_events
from audit.tracking.model_tracking import explicitly_recorded

#: Sessions that one transaction ends: after a long downtime there may be many.
BATCH_SIZE = 500


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
