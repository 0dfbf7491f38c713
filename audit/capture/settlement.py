"""Before sealing: captured changes that an event explains are removed, the others become events.

An event explains a change of the same transaction if it is about the same subject, and where the change decides who may
sign in and what they may do, names it. Otherwise a trigger could give a user a role when they sign in, covered by the
event of signing in. Only authentic events count (`audit.crypto.sealed_row`), and no copies.

Other transactions are visible only once they ended, and then whole, with their events. Events are added and captured
changes removed in one transaction, under the sealer's lock: each change is recorded exactly once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from audit.capture.events import build_events, notify_caches
from audit.capture.locked_rows import lock_subjects
from audit.capture.postgresql_triggers import REMOVE_FUNCTION
from audit.crypto.sealed_row import SealedRow, is_authentic
from audit.models import AuditLog, CapturedChange
from audit.services import record_events

REFUSAL_ACTIONS = frozenset({"access_denied", "app_denied"})
#: Resources of events about the actor's own account or session.
OWN_ACCOUNT_RESOURCES = frozenset({"auth", "factor"})
#: Actions that explain every change of their subject.
WHOLE_SUBJECT_ACTIONS = frozenset({"create", "delete", "erase"})
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


class Evidence(NamedTuple):
    """How an event records a change of a column or relation: by a name among its changes, or by its action."""

    names: Collection[str]
    actions: Collection[str] = ()


#: By table and column; "" is any change. No event explains a row's new key. Other columns need any event about the
#: subject.
REQUIRED_EVIDENCE = {
    "users": {
        "id": Evidence(()),
        "username": Evidence({"username"}),
        "email": Evidence({"email"}),
        "is_active": Evidence({"is_active"}),
        "is_service": Evidence({"is_service"}),
        "password_hash": Evidence({"password", "password_hash"}, {"password_change", "password_reset"}),
        "locked_at": Evidence({"locked"}, {"lock", "unlock"}),
        "deleted_at": Evidence({"deleted"}),
    },
    "roles": {
        "id": Evidence(()),
        "name": Evidence({"name"}),
        "slug": Evidence({"slug", "name"}),
        "requires_factor": Evidence({"requires_factor"}),
        "is_requestable": Evidence({"is_requestable"}),
    },
    "user_roles": {"": Evidence({"roles"}, {"role_assign", "role_revoke"})},
    "role_permissions": {"": Evidence({"permissions"})},
    "role_may_grant": {"": Evidence({"may_grant"})},
    "applications": {
        "id": Evidence(()),
        "client_id": Evidence(()),
        "slug": Evidence(()),
        "secret_hash": Evidence({"secret_hash"}),
        "previous_secret_hash": Evidence({"secret_hash"}),
        "redirect_uris": Evidence({"redirect_uris"}),
        "is_for_everybody": Evidence({"roles"}),
        "is_active": Evidence({"is_active"}),
        "service_account_id": Evidence({"service_account"}),
    },
    "application_roles": {"": Evidence({"roles"})},
}


def unexplained_changes(changes: Iterable[CapturedChange], events: Iterable[SealedRow]) -> list[CapturedChange]:
    """Of the changes of one transaction, those that none of its events is about."""
    by_subject: dict[str, list[SealedRow]] = {}
    for event in events:
        for subject in _subjects_of_event(event):
            by_subject.setdefault(_without_hyphens(subject), []).append(event)
    return [change for change in changes if not _is_explained(change, by_subject)]


def _is_explained(change: CapturedChange, by_subject: Mapping[str, list[SealedRow]]) -> bool:
    # All subjects of a change: an event about any of them will do, as a role's deletion does for its grants.
    main, *others = map(_without_hyphens, (*change.subjects.split(" "), f"{change.table_name}:*"))
    if any(_is_whole(event, main, WHOLE_SUBJECT_ACTIONS) for event in by_subject.get(main, ())):
        return True
    # A new role doesn't explain to whom it is assigned, so only deletion counts here.
    if any(_is_whole(event, other, {"delete"}) for other in others for event in by_subject.get(other, ())):
        return True
    events = [event for subject in (main, *others) for event in by_subject.get(subject, ())]
    by_column = REQUIRED_EVIDENCE.get(change.table_name, {})
    required = [evidence for column, evidence in by_column.items() if column in {"", *change.columns.split()}]
    return bool(events) and all(any(_is_evidence(event, evidence) for event in events) for evidence in required)


def _is_whole(event: SealedRow, subject: str, actions: Collection[str]) -> bool:
    """Whether the subject itself, not one of its belongings, was created or deleted."""
    is_itself = _without_hyphens(f"{event.resource}:{event.resource_id}") == subject
    return is_itself and event.action in actions and "record" not in event.details


def _is_evidence(event: SealedRow, evidence: Evidence) -> bool:
    named = {*(event.details.get("changes") or ()), *(event.details.get("concealed") or ())}
    return event.action in evidence.actions or not named.isdisjoint(evidence.names)


def _without_hyphens(subject: str) -> str:
    # SQLite keeps UUIDs without their hyphens.
    return subject.replace("-", "")


def _subjects_of_event(event: SealedRow) -> Iterator[str]:
    """What an event is about, in the same form."""
    if event.action in REFUSAL_ACTIONS:
        return
    if event.resource_id:
        yield f"{event.resource}:{event.resource_id}"
    if owner := event.details.get("owner_id"):
        yield f"user:{owner}"
    if event.resource in OWN_ACCOUNT_RESOURCES:
        if event.user_id is not None:
            yield f"user:{event.user_id}"
        if event.session_id is not None:
            yield f"session:{event.session_id}"
    if event.action == "session_revoke" and not event.resource_id:
        yield "sessions:*"  # one event says how many were ended
    if event.resource in {"role", "permission"} and "permissions" in event.details.get("changes", {}):
        yield "permissions:*"  # a new version's permissions come with the roles that hold them


def settle(lock: Callable[[], None]) -> int:
    """Settle all committed changes; returns the number of new events. `lock` excludes other sealers, or raises."""
    recorded, waiting = 0, set[int]()
    own = _own_transaction() if connection.in_atomic_block else None
    # Asked before the lock is taken, since most runs find nothing.
    while _committed(own).exclude(pk__in=waiting).exists():
        with transaction.atomic():
            lock()
            if batch := _batch(_committed(own).exclude(pk__in=waiting)):
                recorded += _settle(batch, waiting)
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


def _settle(batch: list[CapturedChange], waiting: set[int]) -> int:
    """Settle a batch, but for changes that have to wait: these are added to `waiting`. Returns the number of events."""
    unrecorded = _unrecorded(batch)
    locked_elsewhere = lock_subjects(unrecorded)
    waiting |= locked_elsewhere
    unrecorded = [change for change in unrecorded if change.pk not in locked_elsewhere]
    events = build_events(unrecorded)
    if unrecorded:
        notify_caches(unrecorded)
        record_events(events)
    _remove([change.pk for change in batch if change.pk not in locked_elsewhere])
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
        rows = AuditLog.objects.filter(pk__in=transactions).with_copies().order_by("pk")
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
