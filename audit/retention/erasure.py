"""Erases a person from the audit log, on record, while the seal and every proof stay valid.

Leaves hold commitments to personal data. Once the text and its salt are gone, only the commitment is left, from which
the text can't be derived. Sealed `erase` events name what was erased, or a verifier would report damage.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db import connection, transaction

from audit.authorization import authorize, recording_denials
from audit.crypto.sealed_row import SALT_BYTES, SealedRow, actor_part, commitment, split_details, subject_part
from audit.export.bundles import read_events
from audit.models import Action
from audit.models.querysets import AuditLogQuerySet
from audit.permissions import permission_to_erase
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, sealing_lock
from audit.services import record
from reprotech.core.actors import Actor

#: Events per `erase` event: at two parts each it names at most 5,000 ids.
BATCH_SIZE = 2_500

ERASE_ACTOR = (
    "UPDATE audit_logs SET username = '', user_agent = '', ip_address = NULL, actor_opening = %s WHERE id = %s"
)
ERASE_SUBJECT = {
    "postgresql": "UPDATE audit_logs SET resource_name = '', details = %s::jsonb, subject_opening = %s WHERE id = %s",
    "sqlite": "UPDATE audit_logs SET resource_name = '', details = %s, subject_opening = %s WHERE id = %s",
}


class ErasureParts(NamedTuple):
    """Events whose actor's part, and events whose subject's part is to be erased."""

    actor: Iterable[AuditLogQuerySet]
    subject: Iterable[AuditLogQuerySet]


@recording_denials
def erase_parts(
    *,
    actor: Actor,
    parts: ErasureParts,
    resource: str,
    resource_id: object,
    kept_filters: Mapping[str, Mapping[str, object]] | None = None,
) -> int:
    """Erase parts of sealed events, in one transaction with the sealed events that record it; returns how many.

    All committed events are sealed first. The record names the person by `resource` and its id; `kept_filters`, by the
    ids of exports among these events, is the part of their filters that is about others. Raises Forbidden,
    SigningKeyError, LedgerCorrupted or ChangeRefused.
    """
    authorize(actor, permission_to_erase(resource))
    with sealing_lock(), suspended():
        Sealer().seal()
        by_actor, by_subject = _sealed_ids(parts.actor), _sealed_ids(parts.subject)
        count = 0
        _enable_secure_delete()
        found = sorted(by_actor | by_subject)
        # Recorded even when nothing is found: other data of the person was erased.
        for start in range(0, max(len(found), 1), BATCH_SIZE):
            actors, subjects = _erase(found[start : start + BATCH_SIZE], by_actor, by_subject)
            count += len({*actors, *subjects})
            kept: dict[str, Any] = {"filters": kept_filters} if kept_filters and not start else {}
            record(
                actor=actor,
                action=Action.ERASE,
                resource=resource,
                resource_id=resource_id,
                actor_parts=actors,
                subject_parts=subjects,
                **kept,
            )
        Sealer().seal()
    return count


def _sealed_ids(found: Iterable[AuditLogQuerySet]) -> set[int]:
    return {pk for events in found for pk in events.sealed().order_by().values_list("pk", flat=True).iterator()}


def _erase(ids: Iterable[int], by_actor: set[int], by_subject: set[int]) -> tuple[list[int], list[int]]:
    """Erase what is not erased yet; returns the ids of the events by part."""
    rows = sorted(read_events(ids).items())
    # An opening of another length is the commitment of a part that was erased before.
    actors = {pk: row for pk, row in rows if pk in by_actor and len(row.actor_opening) == SALT_BYTES}
    subjects = {pk: row for pk, row in rows if pk in by_subject and len(row.subject_opening) == SALT_BYTES}
    with connection.cursor() as cursor:
        erased = [(commitment(row.actor_opening, actor_part(row)), row.id) for row in actors.values()]
        cursor.executemany(ERASE_ACTOR, erased)
        cursor.executemany(ERASE_SUBJECT[connection.vendor], [_without_subject(row) for row in subjects.values()])
    return list(actors), list(subjects)


def _without_subject(row: SealedRow) -> tuple[str, bytes, int | None]:
    public, personal = split_details(row.details)
    return json.dumps(public), commitment(row.subject_opening, subject_part(row, personal)), row.id


def _enable_secure_delete() -> None:
    """Make SQLite overwrite the bytes that it frees, and its journal after the commit."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = ON")
    transaction.on_commit(_truncate_journal)


def _truncate_journal() -> None:
    with connection.cursor() as cursor:
        # The write-ahead log holds the old pages until it is overwritten.
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
