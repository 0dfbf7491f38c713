"""A printable report of events."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.export.services import MAX_REPORT_ROWS, start_report
from audit.filters import AuditQuery
from audit.permissions import AUDIT_EXPORT
from audit.presentation.change_rows import change_rows
from audit.presentation.event_text import sentence
from audit.sealing.sealer import latest_checkpoint
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import requires
from reprotech.web.responses import UNPROCESSABLE, PageRequest

REPORT_CRUMBS = [("Audit log", reverse_lazy("audit")), ("Report", None)]


@requires(AUDIT_EXPORT)
@require_safe
def show_report(request: PageRequest) -> HttpResponse:
    """Events, oldest first, with the checkpoint that verifies them. Making a report is itself recorded."""
    try:
        query = AuditQuery.parse(request.GET)
    except ValidationFailed as refusal:
        return _refuse_report(request, refusal.errors)
    events = start_report(actor=request.user, query=query)
    if events is None:
        sentences = [f"More than {MAX_REPORT_ROWS:,} match. Narrow the filters, or export them as a file."]
        return _refuse_report(request, {"events": sentences})
    context = {
        "entries": [(event, sentence(event), change_rows(event)) for event in events],
        "given": query.given,
        "checkpoint": latest_checkpoint(),
        "made_at": timezone.now(),
        "crumbs": REPORT_CRUMBS,
    }
    return render(request, "audit/report.html", context)


def _refuse_report(request: PageRequest, errors: Mapping[str, list[str]]) -> HttpResponse:
    context = {"errors": errors, "crumbs": REPORT_CRUMBS}
    return render(request, "audit/export_refused.html", context, status=UNPROCESSABLE)
