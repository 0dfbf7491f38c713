"""Rows of the log that were inserted a second time: authentic, as the code is the original's, but no events."""

from typing import Any

from django.db.models import Exists, OuterRef, Q

from audit.models import AuditLog, Leaf


def is_copy() -> Any:
    """For `annotate`: whether an event is the copy of an earlier one, or of one that is sealed."""
    is_sealed = Exists(Leaf.objects.filter(event_id=OuterRef("pk")))
    twin = AuditLog.objects.filter(timestamp=OuterRef("timestamp"), authentication=OuterRef("authentication"))
    return Exists(twin.exclude(pk=OuterRef("pk")).filter(Q(pk__lt=OuterRef("pk")) | is_sealed))
