"""Moves the oldest events out of the database into a bundle, on record. Leaves and nodes stay: so does every proof.

What goes is always a prefix of the tree, so that one event that tells of it, and one number, say what is gone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.authorization import authorize, recording_denials
from audit.export.bundles import BUNDLE, Writable, write_bundle
from audit.models import Action, AuditLog, Leaf
from audit.permissions import AUDIT_MAINTAIN
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint, sealing_lock
from audit.services import record
from audit.statistics import id_ranges
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict

#: Events that stay for good, for they explain what is missing or which key signed. They are few, and name no person.
PERMANENT_ACTIONS = (Action.ARCHIVE, Action.KEY_ROTATE)
DELETE_EVENTS = """
DELETE FROM audit_logs WHERE action NOT IN (%s, %s)
AND id IN (SELECT event_id FROM audit_leaves WHERE position >= %s AND position < %s)
"""


class ArchiveRefused(Conflict):
    """Nothing is archived; the message says why."""


class LeafRange(NamedTuple):
    """A range of the tree, `end` excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Archive:
    """What was written to a bundle, and could be dropped."""

    places: LeafRange
    sha256: str
    #: How many erasures there had been: what was erased later must not live on in the bundle unnoticed.
    erasures: int


def archive_cutoff() -> datetime:
    """Events before this moment may be archived; figures need the younger ones, and settings may keep more."""
    days = max(settings.AUDIT_RETENTION_DAYS, settings.DASHBOARD_COMPARISON_DAYS + 1)
    return datetime.combine(timezone.now().astimezone(UTC).date() - timedelta(days=days), time(), UTC)


def archivable_range(before: datetime, most: int | None = None) -> LeafRange:
    """The places after those that were archived already whose events are all older than `before`.

    At most `most` of them. Raises ArchiveRefused when there is none.
    """
    checkpoint = latest_checkpoint()
    start = archived_until()
    end: int = checkpoint.size if checkpoint else 0
    younger = Exists(AuditLog.objects.filter(pk=OuterRef("event_id"), timestamp__gte=before))
    found = Leaf.objects.filter(younger, position__gte=start, position__lt=end).order_by("position")
    first = found.values_list("position", flat=True).first()
    if first is not None:
        end = first
    if most is not None:
        end = min(end, start + most)
    if start >= end:
        raise ArchiveRefused(f"There is nothing to archive from before {before:%Y-%m-%d}.")
    places = LeafRange(start, end)
    _require_complete(places, _events_in(places).count())
    return places


def archived_until() -> int:
    """The first place that was not archived and dropped."""
    return max((places.end for places, _ in _archives()), default=0)


def archive_of(event_id: int) -> tuple[AuditLog, str] | None:
    """The event that tells of the archive that an event went to, and the bundle's SHA-256; None if it went to none."""
    position = Leaf.objects.filter(event_id=event_id).values_list("position", flat=True).first()
    if position is None:
        return None
    told = ((row, str(row.details.get("sha256"))) for places, row in _archives() if position in range(*places))
    return next(told, None)


@recording_denials
def write_archive(*, actor: Actor, file: Writable, places: LeafRange) -> Archive:
    """Write the bundle of these places. Nothing is on record yet: the file may still turn out not to prove itself."""
    authorize(actor, AUDIT_MAINTAIN)
    erasures = _erasures()
    return Archive(places, write_bundle(file, places.start, places.end), erasures)


@recording_denials
def record_copy(*, actor: Actor, archive: Archive) -> None:
    """Record that the events of an archive were exported, and stay in the database."""
    authorize(actor, AUDIT_MAINTAIN)
    start, end = archive.places
    record(actor=actor, action=Action.EXPORT, resource="audit", format=BUNDLE, rows=end - start, start=start, end=end)


@recording_denials
def drop_archived(*, actor: Actor, archive: Archive) -> int:
    """Delete the events that an archive holds, in one transaction with the sealed event that says so.

    Returns how many. Whoever calls has checked the bundle, and that it is on a disk. Raises ArchiveRefused when
    something was archived or erased meanwhile, SigningKeyError, LedgerCorrupted or ChangeRefused.
    """
    authorize(actor, AUDIT_MAINTAIN)
    start, end = archive.places
    with sealing_lock(), suspended():
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
        )
        id_ranges.rebuild()
        Sealer().seal()
    return count


def _events_in(places: LeafRange) -> Any:
    is_there = Leaf.objects.filter(event_id=OuterRef("pk"), position__gte=places.start, position__lt=places.end)
    return AuditLog.objects.filter(Exists(is_there))


def _require_complete(places: LeafRange, found: int) -> None:
    """An event that somebody removed must not be explained by an archive afterwards."""
    if missing := places.end - places.start - found:
        raise ArchiveRefused(f"{missing} of these events are missing. Find out why first: manage.py verify_audit.")


def _archives() -> list[tuple[LeafRange, AuditLog]]:
    rows: Any = AuditLog.objects.filter(action=Action.ARCHIVE, success=True).order_by("pk")
    return [(LeafRange(row.details["start"], row.details["end"]), row) for row in rows]


def _erasures() -> int:
    return AuditLog.objects.filter(action=Action.ERASE).count()
