"""Moves the oldest events from the database to a bundle, on record. Leaves and nodes stay, and so does every proof.

What is archived is always a prefix of the tree, so that one event and one number say what is gone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.authorization import authorize, recording_denials
from audit.export.bundles import BUNDLE, Writable, complete_bundle, write
from audit.models import Action, AuditLog, Leaf
from audit.models.querysets import AuditLogQuerySet
from audit.permissions import AUDIT_MAINTAIN
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint, sealing_lock
from audit.services import record
from audit.statistics import id_ranges
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict

#: Never archived: they explain what is missing or which key signed. They are few, and name no person.
PERMANENT_ACTIONS = (Action.ARCHIVE, Action.KEY_ROTATE)
DELETE_EVENTS = """
DELETE FROM audit_logs WHERE action NOT IN (%s, %s)
AND id IN (SELECT event_id FROM audit_leaves WHERE position >= %s AND position < %s)
"""

#: What apps above keep of events before a position of the tree that are about to be dropped, and say in the event.
KEPT_BY_OTHERS: list[Callable[[int], Mapping[str, Any]]] = []


class ArchiveRefused(Conflict):
    """Nothing is archived; the message says why."""


class LeafRange(NamedTuple):
    """Positions in the tree, `end` excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Archive:
    """What was written to a bundle, and can be dropped."""

    places: LeafRange
    sha256: str
    #: Number of erasures until then: what is erased later must not survive in the bundle.
    erasures: int


def archive_cutoff() -> datetime:
    """Only events before this may be archived: statistics need the younger ones, and settings may retain more."""
    days = max(settings.AUDIT_RETENTION_DAYS, settings.DASHBOARD_COMPARISON_DAYS + 1)
    return datetime.combine(timezone.now().astimezone(UTC).date() - timedelta(days=days), time(), UTC)


def archivable_range(before: datetime, limit: int | None = None) -> LeafRange:
    """At most `limit` positions after the archived ones whose events are all older than `before`.

    Raises ArchiveRefused when there are none.
    """
    checkpoint = latest_checkpoint()
    start = archived_until()
    end = checkpoint.size if checkpoint else 0
    younger = Exists(AuditLog.objects.filter(pk=OuterRef("event_id"), timestamp__gte=before))
    found = Leaf.objects.filter(younger, position__gte=start, position__lt=end).order_by("position")
    first = found.values_list("position", flat=True).first()
    if first is not None:
        end = first
    if limit is not None:
        end = min(end, start + limit)
    if start >= end:
        raise ArchiveRefused(f"There is nothing to archive from before {before:%Y-%m-%d}.")
    places = LeafRange(start, end)
    _require_complete(places, _events_in(places).count())
    return places


def archived_until() -> int:
    """The first position that was not archived and dropped."""
    return max((places.end for places, _ in _archives()), default=0)


def archive_of(event_id: int) -> tuple[AuditLog, str] | None:
    """The record of the archive that an event was moved to, and the bundle's SHA-256; None without one."""
    position = Leaf.objects.filter(event_id=event_id).values_list("position", flat=True).first()
    if position is None:
        return None
    archives = ((row, str(row.details.get("sha256"))) for places, row in _archives() if position in range(*places))
    return next(archives, None)


@recording_denials
def write_archive(*, actor: Actor, file: Writable, places: LeafRange) -> Archive:
    """Write the bundle of these positions. Recording it comes later: the file must be verified first."""
    authorize(actor, AUDIT_MAINTAIN)
    erasures = _erasures()
    return Archive(places, write(file, complete_bundle(*places)), erasures)


@recording_denials
def record_copy(*, actor: Actor, archive: Archive) -> None:
    """Record that an archive was exported while its events stay in the database."""
    authorize(actor, AUDIT_MAINTAIN)
    start, end = archive.places
    record(actor=actor, action=Action.EXPORT, resource="audit", format=BUNDLE, rows=end - start, start=start, end=end)


@recording_denials
def drop_archived(*, actor: Actor, archive: Archive) -> int:
    """Delete an archive's events, in one transaction with the sealed event that says so; returns their number.

    The caller must have verified the bundle and that it is on a disk. Raises ArchiveRefused when something was archived
    or erased meanwhile, SigningKeyError, LedgerCorrupted or ChangeRefused.
    """
    authorize(actor, AUDIT_MAINTAIN)
    end = archive.places.end
    with transaction.atomic():
        # First: what apps above lock, they lock before the log.
        kept = {name: value for keep in KEPT_BY_OTHERS for name, value in keep(end).items()}
        return _drop(actor, archive, kept)


def _drop(actor: Actor, archive: Archive, kept: Mapping[str, Any]) -> int:
    start, end = archive.places
    with sealing_lock(), suspended():
        # Checked again under the lock, as others may have changed the log since the bundle was written.
        if archived_until() != start:
            raise ArchiveRefused("Another process has archived meanwhile. Nothing was removed.")
        if _erasures() != archive.erasures:
            raise ArchiveRefused("A person was erased meanwhile, but not in the bundle. Destroy it and archive again.")
        with connection.cursor() as cursor:
            cursor.execute(DELETE_EVENTS, [*PERMANENT_ACTIONS, start, end])
            count: int = cursor.rowcount
        _require_complete(archive.places, count + _events_in(archive.places).count())
        record(
            actor=actor,
            action=Action.ARCHIVE,
            resource="audit",
            start=start,
            end=end,
            events=count,
            sha256=archive.sha256,
            **kept,
        )
        id_ranges.rebuild()
        Sealer().seal()
    return count


def _events_in(places: LeafRange) -> AuditLogQuerySet:
    is_there = Leaf.objects.filter(event_id=OuterRef("pk"), position__gte=places.start, position__lt=places.end)
    return AuditLog.objects.filter(Exists(is_there))


def _require_complete(places: LeafRange, found: int) -> None:
    # An archive must not explain events that someone removed before it.
    if missing := places.end - places.start - found:
        raise ArchiveRefused(f"{missing} of these events are missing. Find out why first: manage.py verify_audit.")


def _archives() -> list[tuple[LeafRange, AuditLog]]:
    rows = AuditLog.objects.filter(action=Action.ARCHIVE, success=True).order_by("pk")
    return [(LeafRange(row.details["start"], row.details["end"]), row) for row in rows]


def _erasures() -> int:
    return AuditLog.objects.filter(action=Action.ERASE).count()
