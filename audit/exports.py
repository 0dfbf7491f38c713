"""Events as a file."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone

from audit.bundles import Bundle, complete_bundle, selected_bundle
from audit.models import Action, AuditLog
from audit.services import Actor, record
from audit.tree import Unprovable
from reprotech.core.exceptions import Conflict
from reprotech.core.reauthentication import require_fresh
from reprotech.streaming import stream_csv, stream_json_lines, stream_jsonl

CSV, BUNDLE, REPORT = "csv", "bundle", "report"
#: Events of a report at most: more would be no page to read.
REPORT_ROWS = 2_000
COLUMNS = (
    *("id", "timestamp", "user", "user_id", "action", "resource", "resource_id", "resource_name", "success"),
    *("ip_address", "user_agent", "request_id", "session_id", "details"),
)


def start_export(*, actor: Actor, query: Any, file_format: str) -> Iterator[AuditLog]:
    """Put an export on record, then give its events, newest first; those that come later aren't in it.

    `query` is an `AuditQuery`. Whoever calls has checked that `actor` may export.
    """
    require_fresh()
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


def start_report(*, actor: Actor, query: Any) -> list[AuditLog] | None:
    """Put a report on record, then give its events, oldest first; None, and no record, when they are too many.

    `query` is an `AuditQuery`. Whoever calls has checked that `actor` may export.
    """
    if query.apply(AuditLog.objects.all())[REPORT_ROWS : REPORT_ROWS + 1].exists():
        return None
    return list(start_export(actor=actor, query=query, file_format=REPORT))[::-1]


def event_line(event: AuditLog) -> dict[str, Any]:
    """An event as a line of JSON: as the API shows it, but faster."""
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


def event_cells(event: AuditLog) -> list[Any]:
    """An event as a row of CSV, in the order of `COLUMNS`."""
    line = event_line(event)
    line["success"] = "true" if event.success else "false"
    line["details"] = json.dumps(event.details, ensure_ascii=False, cls=DjangoJSONEncoder)
    return [line[column] for column in COLUMNS]


def export_response(*, actor: Actor, query: Any, has_mark: bool) -> StreamingHttpResponse:
    """The file that a door answers with; `query` is an `AuditExport`. A bundle of what isn't sealed raises Conflict.

    With `has_mark` CSV begins with a byte order mark.
    """
    file_format = query.value("format") or CSV
    name = f"audit-{timezone.now():%Y-%m-%d}.{file_format}"
    if file_format == BUNDLE:
        return stream_json_lines(f"{name}.jsonl", start_bundle(actor=actor, query=query).lines())
    events = start_export(actor=actor, query=query, file_format=file_format)
    if file_format == CSV:
        return stream_csv(name, COLUMNS, map(event_cells, events), has_mark=has_mark)
    return stream_jsonl(name, map(event_line, events))


def start_bundle(*, actor: Actor, query: Any) -> Bundle:
    """Put the export of a bundle on record, then give it; raises Conflict when nothing of it can be proven.

    Whoever calls has checked that `actor` may export.
    """
    require_fresh()
    try:
        if query.given:
            bundle = selected_bundle(query.apply(AuditLog.objects.all()), query.given)
        else:
            bundle = complete_bundle(query.value("start") or 0, query.value("end"))
    except Unprovable as error:
        raise Conflict(str(error)) from None
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
