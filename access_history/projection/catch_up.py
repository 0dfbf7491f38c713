"""Brings the projection up to the log: by the audit worker each second, and by readers before they answer."""

import math

from django.db import transaction
from django.utils import timezone

from access_history.access_events import access_events, read_events
from access_history.projection.batches import replay_batch
from access_history.projection.progress import Progress, first_moment, lock_history, read_progress, read_state
from access_history.projection.settled_events import settled_until
from audit.models.querysets import AuditLogQuerySet

#: Events that are replayed by one transaction.
BATCH_SIZE = 1_000
#: What a reader replays at most before it answers.
MAX_EVENTS_OF_READER = 5_000
#: Other events are passed over without a note of it, until there are so many: each look reads them.
MAX_PASSED_OVER = 100
MAX_KEPT_SENTENCES = 20
#: For transactions that write events: most last milliseconds, an import half a minute.
READER_WAIT_SECONDS, WORKER_WAIT_SECONDS = 0.1, 20.0
#: For another process that replays: a batch takes less. An archive or a rebuild of many accounts takes minutes, in
#: which a reader answers from what there is; else all threads of the server would soon wait for it.
READER_LOCK_SECONDS = 2.0


def catch_up(max_events: int | None = MAX_EVENTS_OF_READER, *, seen: Progress | None = None) -> Progress:
    """Replay what is missing, unless that is more than `max_events` (None: all of it); several processes may call it.

    Nothing is written, and no lock taken, where nothing is missing. Returns `seen`, which the caller has just read, if
    nothing was replayed.
    """
    progress = seen or read_progress()
    if progress.complete_to is None and progress.newest_event - progress.last_event <= MAX_PASSED_OVER:
        return progress
    if max_events is not None and _missing_after(progress.last_event)[: max_events + 1].count() > max_events:
        return progress
    is_reader = max_events is not None
    until = settled_until(READER_WAIT_SECONDS if is_reader else WORKER_WAIT_SECONDS)
    while _replay_next(until, READER_LOCK_SECONDS if is_reader else math.inf):
        pass
    return read_progress()


def _missing_after(last_event: int) -> AuditLogQuerySet:
    return access_events().filter(pk__gt=last_event).order_by("pk")


@transaction.atomic
def _replay_next(until: int, max_wait: float) -> bool:
    """Replay the next batch of events up to this one; returns whether more may follow."""
    if read_state().last_event >= until or not lock_history(max_wait):
        return False
    state = read_state()  # as another process may have left it
    found = access_events().filter(pk__gt=state.last_event, pk__lte=until).order_by("pk")[:BATCH_SIZE]
    ids = list(found.values_list("pk", flat=True))
    if state.begins_at is None:
        state.begins_at = first_moment()
    events = list(read_events(access_events().filter(pk__in=ids).order_by("pk")))
    sentences = replay_batch(events) if events else []
    is_full = len(ids) == BATCH_SIZE
    state.last_event = ids[-1] if is_full else max(until, state.last_event)
    if events:
        state.last_at = events[-1].timestamp
    state.replayed_at = timezone.now()
    state.contradiction_count += len(sentences)
    state.contradictions = [*state.contradictions, *sentences][:MAX_KEPT_SENTENCES]
    state.save()
    return is_full
