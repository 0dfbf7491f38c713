"""Optimistic locking: a change may name the versions of the record that it was based on."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol, cast

from django.db import models

from audit.models import AuditLog
from audit.tracking.registry import resource_name
from reprotech.core.actors import Actor
from reprotech.core.exceptions import StaleVersion


class VersionedRecord(Protocol):
    """A row of a model that is `Versioned`."""

    pk: int
    updated_at: datetime

    @property
    def version(self) -> str:
        """Identifies its state."""


def refuse_stale_version(actor: Actor, record: VersionedRecord, expected: Collection[str]) -> None:
    """Raise StaleVersion unless the record is one of the `expected` versions, if there are any.

    Call it once the record is locked.
    """
    if expected and record.version not in expected:
        raise StaleVersion(f"{_describe_change(actor, record)} while you were editing.")


def _describe_change(actor: Actor, record: VersionedRecord) -> str:
    """By whom and when it was changed last, as far as the audit log knows."""
    kind = resource_name(cast("type[models.Model]", type(record)))
    rows = AuditLog.objects.filter(resource=kind, resource_id=str(record.pk), success=True)
    # A change is recorded in its own transaction, after the time that it sets in the record.
    row = rows.filter(timestamp__gte=record.updated_at).order_by("id").first()
    if row is None:
        return f"Someone changed this {kind}"
    who = "You yourself" if row.user_id == actor.pk else row.username
    return f"{who} changed this {kind} at {row.timestamp:%H:%M} UTC on {row.timestamp:%-d %b %Y},"
