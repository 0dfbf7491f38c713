"""Before sealing: captured changes that an event explains are removed, the others become events.

Other transactions are visible only once they ended, and then whole, with their events. Only authentic events count
(`audit.crypto.row_mac`), and no copies. Events are added and captured changes removed in one transaction, under the
sealer's lock: each change is recorded exactly once.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from audit.capture.duplicate_rows import is_copy
from audit.capture.events import build_events, notify_caches
from audit.capture.matching import unexplained_changes
from audit.capture.postgresql_triggers import REMOVE_FUNCTION
from audit.crypto.canonical_json import SealedRow
from audit.crypto.row_mac import is_authentic
from audit.models import AuditLog, CapturedChange
from audit.services import record_events

#: Captured changes per transaction, and events that are read together.
BATCH_SIZE = 1_000
#: Between an event and its change: clocks differ and services take a while. An archived event that is inserted again
#: as cover is older than this (`audit.retention.archiving`).
MAX_TIME_DIFFERENCE = timedelta(days=1)
#: SQLite's rows that say which transaction wrote an event.
EVENT_MARK = "event"
#: The events that may explain a change.
CANDIDATE_EVENTS = """
SELECT id, transaction_id FROM audit_logs WHERE transaction_id = ANY(%s) AND (
    resource_id = ANY(%s) OR resource_id = '' OR user_id::text = ANY(%s) OR details ->> 'owner_id' = ANY(%s)
    OR resource = 'role'
) ORDER BY id
"""


def settle(lock: Callable[[], None]) -> int:
    """Settle all committed changes; returns the number of new events. `lock` excludes other sealers, or raises."""
    recorded = 0
    own = _own_transaction() if connection.in_atomic_block else None
    # Asked before the lock is taken, since most runs find nothing.
    while _committed(own).exists():
        with transaction.atomic():
            lock()
            if batch := _batch(_committed(own)):
                recorded += _settle(batch)
    if connection.vendor == "sqlite":
        _delete_event_marks(own)
    return recorded


def _own_transaction() -> int | None:
    if connection.vendor == "sqlite":
        return getattr(connection, "transaction_number", None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id_if_assigned()::text::bigint")
        found: int | None = cursor.fetchone()[0]
    return found


def _committed(own: int | None) -> QuerySet[CapturedChange]:
    """Captured changes of other transactions than the current one."""
    changes = CapturedChange.objects.exclude(verb=EVENT_MARK)
    return changes if own is None else changes.filter(~Q(transaction_id=own) | Q(transaction_id=None))


def _batch(changes: QuerySet[CapturedChange]) -> list[CapturedChange]:
    # The first changes. A transaction that isn't complete waits for the next batch, unless it fills one alone.
    found = list(changes.order_by("pk")[:BATCH_SIZE])
    last = found[-1].transaction_id if found else None
    whole = [change for change in found if change.transaction_id != last]
    return whole if whole and len(found) == BATCH_SIZE else found


def _settle(batch: list[CapturedChange]) -> int:
    unrecorded = _unrecorded(batch)
    events = build_events(unrecorded)
    if unrecorded:
        notify_caches(unrecorded)
        record_events(events)
    _remove([change.pk for change in batch])
    return len(events)


def _unrecorded(batch: Iterable[CapturedChange]) -> list[CapturedChange]:
    left: dict[int | None, list[CapturedChange]] = {}
    for change in batch:
        left.setdefault(change.transaction_id, []).append(change)
    # All events of a transaction count together: several columns may be explained by several events.
    for transaction_id, events in _authentic_events({key: of for key, of in left.items() if key is not None}).items():
        left[transaction_id] = unexplained_changes(left[transaction_id], events)
    return [change for changes in left.values() for change in changes]


def _authentic_events(changes: dict[int, list[CapturedChange]]) -> dict[int, list[SealedRow]]:
    found: dict[int, list[SealedRow]] = {}
    candidates = iter(_candidates(changes))
    while transactions := dict(islice(candidates, BATCH_SIZE)):
        rows = AuditLog.objects.filter(pk__in=transactions).annotate(is_copy=is_copy()).order_by("pk")
        for *columns, code, is_a_copy in rows.values_list(*SealedRow._fields, "authentication", "is_copy"):
            row = SealedRow(*columns)
            transaction_id = transactions[row.id or 0]
            is_of_then = abs(row.timestamp - changes[transaction_id][0].changed_at) < MAX_TIME_DIFFERENCE
            if is_of_then and not is_a_copy and is_authentic(row, bytes(code)):
                found.setdefault(transaction_id, []).append(row)
    return found


def _candidates(changes: dict[int, list[CapturedChange]]) -> list[tuple[int, int]]:
    """Ids of events of these transactions, each with that of its transaction."""
    if connection.vendor == "sqlite":
        marks = CapturedChange.objects.filter(verb=EVENT_MARK, transaction_id__in=list(changes)).order_by("pk")
        return [
            (int(key), transaction_id or 0) for key, transaction_id in marks.values_list("row_key", "transaction_id")
        ]
    subjects = {name for found in changes.values() for change in found for name in change.subjects.split(" ")}
    ids = sorted({name.partition(":")[2] for name in subjects})
    users = sorted({name.removeprefix("user:") for name in subjects if name.startswith("user:")})
    with connection.cursor() as cursor:
        cursor.execute(CANDIDATE_EVENTS, [list(changes), ids, users, users])
        return list(cursor.fetchall())


def _remove(ids: list[int]) -> None:
    if connection.vendor == "sqlite":
        CapturedChange.objects.filter(pk__in=ids).delete()
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {REMOVE_FUNCTION}(%s)", [ids])
        removed = cursor.fetchone()[0]
    if removed != len(ids):
        raise RuntimeError(f"{removed} of {len(ids)} captured changes could be removed, so none was.")


def _delete_event_marks(own: int | None) -> None:
    """Forget which transactions wrote events, but for those of which a change is left."""
    marks = CapturedChange.objects.filter(verb=EVENT_MARK).exclude(transaction_id=own)
    if marks.exists():
        left = CapturedChange.objects.exclude(verb=EVENT_MARK).filter(transaction_id__isnull=False)
        marks.exclude(transaction_id__in=left.values("transaction_id")).delete()
