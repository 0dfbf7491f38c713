"""Keeps what a rebuild needs of events that are archived and dropped."""

from typing import Any

from django.db import transaction
from django.db.models import Max

from access_history.access_events import access_events
from access_history.archiving.kept_periods import MEMBER, hash_of_kept, last_archived_event
from access_history.archiving.states import states_after, states_of_roles
from access_history.checking.comparison import compare
from access_history.checking.replayed import chunks_of_users, events_about, start
from access_history.models import ArchivedState
from access_history.projection.catch_up import catch_up
from access_history.projection.progress import lock_history
from audit.models import Leaf
from reprotech.core.exceptions import Conflict

BATCH_SIZE = 500


def keep_history(end: int) -> dict[str, Any]:
    """Keep what a rebuild needs once the events before this position of the tree are dropped; for the archive's event.

    In the transaction that drops them, before it locks the log.
    """
    until = Leaf.objects.filter(position__lt=end).aggregate(last=Max("event_id"))["last"] or 0
    with transaction.atomic():
        lock_history()
        last = catch_up(None).last_event
        if access_events().filter(pk__gt=last, pk__lte=until).exists():
            raise Conflict("The access history isn't up to date yet. Try again in a minute.")
        # The hash of what is kept is all that is left to tell it by.
        if compare().history:
            raise Conflict(
                "The access history isn't what the audit log says, and can't be rebuilt once these events are gone. "
                "Nothing was removed. Run manage.py rebuild_access_history first."
            )
        after = last_archived_event()
        states = []
        book = None
        for user_ids in chunks_of_users():
            replayer = start(user_ids)
            replayer.apply_all(event for event in events_about(user_ids, after=after) if event.id <= until)
            states += list(states_after(replayer))
            book = replayer.roles
        ArchivedState.objects.all().delete()
        ArchivedState.objects.bulk_create(states, batch_size=BATCH_SIZE)
        if book is not None:
            ArchivedState.objects.bulk_create(states_of_roles(book), batch_size=BATCH_SIZE)
        return {MEMBER: {"until": until, "sha256": hash_of_kept(until)}}
