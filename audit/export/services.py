"""Exports of events: each is itself on record."""

from collections.abc import Iterator
from typing import Any

from audit.authorization import authorize, recording_denials
from audit.export.bundles import BUNDLE, Bundle, complete_bundle, selected_bundle
from audit.models import Action, AuditLog
from audit.permissions import AUDIT_EXPORT
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication

CSV, REPORT = "csv", "report"
#: Events of a report at most: more would be no page to read.
MAX_REPORT_ROWS = 2_000


@recording_denials
def start_export(*, actor: Actor, query: Any, file_format: str) -> Iterator[AuditLog]:
    """Put an export on record, then give its events, newest first; those that come later aren't in it.

    `query` is an `AuditQuery`. Raises Forbidden.
    """
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    events = query.apply(AuditLog.objects.all())
    newest = events.values_list("pk", flat=True).first() or 0
    events = events.filter(pk__lte=newest)
    record(
        actor=actor,
        action=Action.EXPORT,
        resource="audit",
        format=file_format,
        filters=query.given,
        rows=events.count(),
    )
    rows: Iterator[AuditLog] = events.in_chunks()
    return rows


@recording_denials
def start_report(*, actor: Actor, query: Any) -> list[AuditLog] | None:
    """Put a report on record, then give its events, oldest first; None, and no record, when they are too many.

    `query` is an `AuditQuery`. Raises Forbidden.
    """
    authorize(actor, AUDIT_EXPORT)
    if query.apply(AuditLog.objects.all())[MAX_REPORT_ROWS : MAX_REPORT_ROWS + 1].exists():
        return None
    return list(start_export(actor=actor, query=query, file_format=REPORT))[::-1]


@recording_denials
def start_bundle(*, actor: Actor, query: Any) -> Bundle:
    """Put the export of a bundle on record, then give it; raises Forbidden, or ProofUnavailable."""
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    if query.given:
        bundle = selected_bundle(query.apply(AuditLog.objects.all()), query.given)
    else:
        bundle = complete_bundle(query.value("start") or 0, query.value("end"))
    places = {name: bundle.header[name] for name in ("start", "end") if name in bundle.header}
    record(
        actor=actor,
        action=Action.EXPORT,
        resource="audit",
        format=BUNDLE,
        filters=query.given,
        rows=bundle.rows,
        checkpoint=bundle.size,
        **places,
    )
    return bundle
