"""Rows that were inserted again: authentic, as they carry the original's code, but no events."""

from django.db.models import Exists, OuterRef, Q

from audit.models import AuditLog, Leaf


def is_copy() -> Exists:
    """For `annotate`: whether an event is the copy of an earlier or of a sealed one."""
    is_sealed = Exists(Leaf.objects.filter(event_id=OuterRef("pk")))
    twin = AuditLog.objects.filter(timestamp=OuterRef("timestamp"), authentication=OuterRef("authentication"))
    return Exists(twin.exclude(pk=OuterRef("pk")).filter(Q(pk__lt=OuterRef("pk")) | is_sealed))
