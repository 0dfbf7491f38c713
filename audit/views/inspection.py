"""What serves an inspection: views of the log that one keeps, and a report that prints well."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import requires
from audit.export.services import REPORT_ROWS, start_report
from audit.filters import AuditQuery
from audit.permissions import AUDIT_EXPORT, AUDIT_READ
from audit.presentation.change_rows import shown_changes
from audit.presentation.event_text import sentence
from audit.saved_filters import FilterRefused, forget_filter, save_filter
from audit.sealing.sealer import latest_checkpoint
from audit.views.events import render_list
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.responses import UNPROCESSABLE, PageRequest

REPORT_CRUMBS = [("Audit log", reverse_lazy("audit")), ("Report", None)]


@requires(AUDIT_READ)
@require_POST
def save_view(request: PageRequest) -> HttpResponse:
    """Keep the filters of `query`, a list's, under a name."""
    try:
        query = AuditQuery.parse(QueryDict(request.POST.get("query", ""))).address
        kept = save_filter(actor=request.user, name=request.POST.get("name", ""), query=query)
    except ValidationFailed:
        return render_list(request, save_error="These filters can't be kept: correct them first.")
    except FilterRefused as refusal:
        return render_list(request, save_error=refusal.message)
    messages.success(request, f"The view {kept.name} is kept.")
    return redirect(f"{reverse('audit')}?{kept.query}")


@requires(AUDIT_READ)
@require_POST
def forget_view(request: PageRequest, filter_id: int) -> HttpResponse:
    """Remove one of one's own views."""
    if forget_filter(actor=request.user, filter_id=filter_id):
        messages.success(request, "The view is removed. The events stay.")
    return redirect("audit")


@requires(AUDIT_EXPORT)
@require_safe
def show_report(request: PageRequest) -> HttpResponse:
    """Events on paper, oldest first, with the checkpoint by which they can be checked; it is itself recorded."""
    try:
        query = AuditQuery.parse(request.GET)
    except ValidationFailed as refusal:
        return _refuse_report(request, refusal.errors)
    events = start_report(actor=request.user, query=query)
    if events is None:
        sentences = [f"More than {REPORT_ROWS:,} match. Narrow the filters, or export them as a file."]
        return _refuse_report(request, {"events": sentences})
    context = {
        "entries": [(event, sentence(event), shown_changes(event)) for event in events],
        "given": query.given,
        "checkpoint": latest_checkpoint(),
        "made_at": timezone.now(),
        "crumbs": REPORT_CRUMBS,
    }
    return render(request, "audit/report.html", context)


def _refuse_report(request: PageRequest, errors: Mapping[str, list[str]]) -> HttpResponse:
    context = {"errors": errors, "crumbs": REPORT_CRUMBS}
    return render(request, "audit/export_refused.html", context, status=UNPROCESSABLE)
