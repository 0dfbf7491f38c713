"""Takes a person out of the audit log, on record, so that the seal and every proof stay what they were.

What tells of a person is not in a leaf but committed to in it. Once the text and its salt are gone, the commitment
alone is left, from which nobody can guess the text. Sealed `erase` events name what was erased, or a verifier would
take it for damage.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from audit.authorization import authorize, recording_denials
from audit.crypto.canonical_json import SALT_BYTES, SealedRow, actor_part, commitment, split_details, subject_part
from audit.models import Action, AuditLog, Leaf
from audit.models.querysets import AuditLogQuerySet
from audit.permissions import permission_to_erase
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, sealing_lock
from audit.services import record
from reprotech.core.actors import Actor

#: Events that one `erase` event tells of: at two parts each it names no more than 5,000 ids.
BATCH_SIZE = 2_500

ERASE_ACTOR = (
    "UPDATE audit_logs SET username = '', user_agent = '', ip_address = NULL, actor_opening = %s WHERE id = %s"
)
ERASE_SUBJECT = {
    "postgresql": "UPDATE audit_logs SET resource_name = '', details = %s::jsonb, subject_opening = %s WHERE id = %s",
    "sqlite": "UPDATE audit_logs SET resource_name = '', details = %s, subject_opening = %s WHERE id = %s",
}


class ErasureParts(NamedTuple):
    """Events of which the actor's part, and of which the subject's part is meant."""

    actor: Iterable[AuditLogQuerySet]
    subject: Iterable[AuditLogQuerySet]


@recording_denials
def erase_parts(
    *,
    actor: Actor,
    parts: ErasureParts,
    resource: str,
    resource_id: object,
    kept_filters: Mapping[str, Mapping[str, Any]] | None = None,
) -> int:
    """Erase parts of sealed events, in one transaction with the sealed events that tell of it; returns of how many.

    Everything that is committed is sealed first. `resource` and its id say in the log whose they were; `kept_filters`,
    by the ids of exports among these events, the part of their filters that is about others and is kept. Raises
    Forbidden, SigningKeyError, LedgerCorrupted or ChangeRefused.
    """
    authorize(actor, permission_to_erase(resource))
    with sealing_lock(), suspended():
        Sealer().seal()
        by_actor, by_subject = _sealed_ids(parts.actor), _sealed_ids(parts.subject)
        count = 0
        _enable_secure_delete()
        found = sorted(by_actor | by_subject)
        # Once also when nothing is found: what else was erased of the person is to be on record.
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
    is_sealed = Exists(Leaf.objects.filter(event_id=OuterRef("pk")))
    return {
        pk for events in found for pk in events.filter(is_sealed).order_by().values_list("pk", flat=True).iterator()
    }


def _erase(ids: Iterable[int], by_actor: set[int], by_subject: set[int]) -> tuple[list[int], list[int]]:
    """Erase what isn't yet; returns the ids of the events whose actor's and whose subject's part it was."""
    rows = list(_read_rows(ids))
    actors = [row for row in rows if row.id in by_actor and len(row.actor_opening) == SALT_BYTES]
    subjects = [row for row in rows if row.id in by_subject and len(row.subject_opening) == SALT_BYTES]
    with connection.cursor() as cursor:
        cursor.executemany(ERASE_ACTOR, [_without_actor(row) for row in actors])
        cursor.executemany(ERASE_SUBJECT[connection.vendor], [_without_subject(row) for row in subjects])
    return [row.id for row in actors if row.id], [row.id for row in subjects if row.id]


def _read_rows(ids: Iterable[int]) -> Iterator[SealedRow]:
    rows = AuditLog.objects.filter(pk__in=list(ids)).order_by("pk").values_list(*SealedRow._fields)
    for columns in rows:
        yield SealedRow(*columns[:-2], *map(bytes, columns[-2:]))


def _without_actor(row: SealedRow) -> tuple[Any, ...]:
    return commitment(row.actor_opening, actor_part(row)), row.id


def _without_subject(row: SealedRow) -> tuple[Any, ...]:
    public, personal = split_details(row.details)
    return json.dumps(public), commitment(row.subject_opening, subject_part(row, personal)), row.id


def _enable_secure_delete() -> None:
    """Have SQLite overwrite the bytes that it gives free, and its journal once all is committed."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = ON")
    transaction.on_commit(_truncate_journal)


def _truncate_journal() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
