"""Responses that download events as a file, for the API and the page."""

import json

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone

from audit.export.bundles import BUNDLE
from audit.export.services import CSV, EventQuery, start_bundle, start_export
from audit.models import AuditLog
from reprotech.core.actors import Actor
from reprotech.web.streaming import stream_csv, stream_json_lines, stream_jsonl

COLUMNS = (
    *("id", "timestamp", "user", "user_id", "action", "resource", "resource_id", "resource_name", "success"),
    *("ip_address", "user_agent", "request_id", "session_id", "details", "reason"),
)


def event_line(event: AuditLog) -> dict[str, object]:
    """An event as the API shows it, but built faster."""
    return {
        "id": event.pk,
        "user": event.username,
        "user_id": event.user_id,
        "action": event.action,
        "resource": event.resource,
        "resource_id": event.resource_id,
        "resource_name": event.resource_name,
        "ip_address": event.ip_address,
        "user_agent": event.user_agent,
        "request_id": event.request_id,
        "session_id": event.session_id and str(event.session_id),
        "timestamp": event.timestamp.isoformat().replace("+00:00", "Z"),
        "details": {"success": event.success, **event.details},
    }


def event_cells(event: AuditLog) -> list[object]:
    """An event as a row of CSV, in the order of `COLUMNS`."""
    line = event_line(event)
    line["success"] = "true" if event.success else "false"
    line["reason"] = event.details.get("reason_given") or ""
    line["details"] = json.dumps(event.details, ensure_ascii=False, cls=DjangoJSONEncoder)
    return [line[column] for column in COLUMNS]


def export_response(*, actor: Actor, query: EventQuery, with_bom: bool) -> StreamingHttpResponse:
    """The file for an `AuditExport`; raises Forbidden or Conflict."""
    file_format = query.value("format") or CSV
    name = f"audit-{timezone.now():%Y-%m-%d}.{file_format}"
    if file_format == BUNDLE:
        return stream_json_lines(f"{name}.jsonl", start_bundle(actor=actor, query=query).lines())
    # Recorded before the first byte: a download that breaks off is an export too.
    events = start_export(actor=actor, query=query, file_format=file_format)
    if file_format == CSV:
        return stream_csv(name, COLUMNS, map(event_cells, events), with_bom=with_bom)
    return stream_jsonl(name, map(event_line, events))
