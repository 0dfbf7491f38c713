"""Exports of events; each is itself recorded."""

from collections.abc import Iterator
from typing import Any, Protocol

from audit.authorization import authorize, recording_denials
from audit.export.bundles import BUNDLE, Bundle, complete_bundle, selected_bundle
from audit.models import Action, AuditLog
from audit.models.querysets import AuditLogQuerySet
from audit.permissions import AUDIT_EXPORT
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication

CSV, REPORT = "csv", "report"
#: More would be no page to read.
MAX_REPORT_ROWS = 2_000


class EventQuery(Protocol):
    """What a user asks for; `audit.filters` implements it."""

    @property
    def given(self) -> dict[str, str]: ...

    @property
    def dated(self) -> dict[str, str]: ...

    def apply(self, queryset: AuditLogQuerySet) -> AuditLogQuerySet: ...

    def value(self, name: str) -> Any: ...


@recording_denials
def start_export(*, actor: Actor, query: EventQuery, file_format: str) -> Iterator[AuditLog]:
    """Record an export, then return its events, newest first, without later ones; raises Forbidden."""
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    events = query.apply(AuditLog.objects.all())
    # Events recorded meanwhile, such as the one below, are not part of the export.
    newest = events.values_list("pk", flat=True).first() or 0
    events = events.filter(pk__lte=newest)
    record(
        actor=actor,
        action=Action.EXPORT,
        resource="audit",
        format=file_format,
        filters=query.dated,
        rows=events.count(),
    )
    return events.in_chunks()


@recording_denials
def start_report(*, actor: Actor, query: EventQuery) -> list[AuditLog] | None:
    """Record a report and return its events in order of time; None, unrecorded, if too many. Raises Forbidden."""
    authorize(actor, AUDIT_EXPORT)
    # Whether there is one more; counting may take long.
    if query.apply(AuditLog.objects.all())[MAX_REPORT_ROWS : MAX_REPORT_ROWS + 1].exists():
        return None
    events = start_export(actor=actor, query=query, file_format=REPORT)
    # Not in the order of the log, where a long transaction stands after shorter ones that began later.
    return sorted(events, key=lambda event: (event.timestamp, event.pk))


@recording_denials
def start_bundle(*, actor: Actor, query: EventQuery) -> Bundle:
    """Record the export of a bundle, then return it; raises Forbidden or ProofUnavailable."""
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    if query.given:
        bundle = selected_bundle(query.apply(AuditLog.objects.all()), query.dated)
    else:
        bundle = complete_bundle(query.value("start") or 0, query.value("end"))
    places: dict[str, Any] = {name: bundle.header[name] for name in ("start", "end") if name in bundle.header}
    record(
        actor=actor,
        action=Action.EXPORT,
        resource="audit",
        format=BUNDLE,
        filters=query.dated,
        rows=bundle.rows,
        checkpoint=bundle.size,
        **places,
    )
    return bundle
