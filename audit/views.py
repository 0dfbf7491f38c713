"""Pages of the audit log: the list, an event, exports and reports, saved views, verification."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from audit.api.serializers import AuditLogAnswer
from audit.event_list import render_list
from audit.event_query import AuditQuery
from audit.event_report import report_choices
from audit.export.bundles import selected_bundle
from audit.export.files import export_response
from audit.export.services import MAX_REPORT_ROWS, start_report
from audit.filters import AuditExport, AuditPageFilter
from audit.models import Action, AuditLog, Checkpoint, Leaf
from audit.permissions import AUDIT_EXPORT, AUDIT_READ
from audit.presentation.changes import change_rows
from audit.presentation.event_text import sentence
from audit.presentation.record_pages import record_page
from audit.retention.archiving import archive_of
from audit.saved_filters import InvalidSavedFilter, delete_filter, save_filter
from audit.sealing.sealer import latest_checkpoint
from audit.sealing.stored_tree import ProofUnavailable
from audit.verification import runs as verification_runs
from reprotech.core.exceptions import NotFound, ValidationFailed
from reprotech.web.access import POST, SAFE, requires
from reprotech.web.errors import error_response
from reprotech.web.responses import UNPROCESSABLE, PageRequest, render_page, wants_fragment


@requires(AUDIT_READ, SAFE)
def list_events(request: PageRequest) -> HttpResponse:
    return render_list(request)


@requires(AUDIT_READ, SAFE)
def suggest_users(request: PageRequest) -> HttpResponse:
    """Usernames for the field of the list, as options."""
    try:
        people = AuditPageFilter.parse(request.GET, reader=request.user).people
    except ValidationFailed:
        people = []
    return render(request, "audit/_user_options.html", {"people": people})


@requires(AUDIT_READ, SAFE)
def show_event(request: PageRequest, event_id: int) -> HttpResponse:
    event = AuditLog.objects.filter(pk=event_id).first()
    if event is None:
        return _archived(request, event_id)
    leaf = Leaf.objects.filter(event_id=event_id).first()
    context = {
        "event": event,
        "sentence": sentence(event),
        "changes": change_rows(event),
        "leaf": leaf,
        "checkpoint": leaf and Checkpoint.objects.filter(size__gt=leaf.position).first(),
        "object_page": record_page(request.user, event.resource, event.resource_id),
        "erasures": _erasures(event),
        "older": AuditLog.objects.filter(pk__lt=event_id).newest_first().values_list("pk", flat=True).first(),
        "newer": AuditLog.objects.filter(pk__gt=event_id).order_by("pk").values_list("pk", flat=True).first(),
        "raw": json.dumps(AuditLogAnswer(event).data, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder),
        "crumbs": [("Audit log", reverse("audit")), (f"Event {event.pk}", None)],
    }
    return render_page(request, "audit/event.html", context, fragment="audit/_event_panel.html")


def _archived(request: PageRequest, event_id: int) -> HttpResponse:
    """404, naming the archive if the event is in one."""
    found = archive_of(event_id)
    if found is None:
        raise NotFound("event")
    row, sha256 = found
    sentence = f"Event {event_id} was archived"
    advice = f"On {row.timestamp:%d %B %Y} it was moved from the database to the file whose SHA-256 is {sha256}."
    return error_response(request, HTTPStatus.NOT_FOUND, sentence, advice)


def _erasures(event: AuditLog) -> str:
    """The address of the list of erasures that concern this event."""
    is_about = event.is_subject_erased and event.resource == "user"
    whose = event.resource_id if is_about else event.user_id if event.is_actor_erased else None
    filters = {"action": Action.ERASE, **({"resource_id": whose} if whose else {})}
    return f"{reverse('audit')}?{urlencode(filters)}"


@requires(AUDIT_EXPORT, SAFE)
def export_events(request: PageRequest) -> HttpResponseBase:
    try:
        return export_response(
            actor=request.user, query=AuditExport.parse(request.GET, reader=request.user), with_bom=True
        )
    except ValidationFailed as refusal:
        return _refused(request, "Export", refusal.errors)


def _refused(request: PageRequest, title: str, errors: Mapping[str, list[str]]) -> HttpResponse:
    context = {"errors": errors, "crumbs": [("Audit log", reverse("audit")), (title, None)]}
    return render(request, "audit/export_refused.html", context, status=UNPROCESSABLE)


@requires(AUDIT_EXPORT, SAFE)
def show_report(request: PageRequest) -> HttpResponse:
    """Events, oldest first, with the checkpoint that verifies them. Making a report is itself recorded."""
    try:
        query = AuditQuery.parse(request.GET, reader=request.user)
    except ValidationFailed as refusal:
        return _refused(request, "Report", refusal.errors)
    events = start_report(actor=request.user, query=query)
    if events is None:
        return _render_periods(request, is_too_long=True)
    context = {
        "entries": [(event, sentence(event), change_rows(event)) for event in events],
        "given": query.dated,
        "checkpoint": latest_checkpoint(),
        "made_at": timezone.now(),
        "crumbs": [("Audit log", reverse("audit")), ("Report", None)],
    }
    return render(request, "audit/report.html", context)


@requires(AUDIT_EXPORT, SAFE)
def choose_report(request: PageRequest) -> HttpResponse:
    """The periods of which a report can be made."""
    try:
        return _render_periods(request)
    except ValidationFailed as refusal:
        return _refused(request, "Report", refusal.errors)


def _render_periods(request: PageRequest, *, is_too_long: bool = False) -> HttpResponse:
    context = {
        "choices": report_choices(request.user, request.GET),
        "most": MAX_REPORT_ROWS,
        "is_too_long": is_too_long,
        "list_address": f"{reverse('audit')}?{request.GET.urlencode()}",
        "crumbs": [("Audit log", reverse("audit")), ("Report", None)],
    }
    status = UNPROCESSABLE if is_too_long else 200
    return render_page(
        request, "audit/report_periods.html", context, fragment="audit/_report_periods.html", status=status
    )


@requires(AUDIT_READ, POST)
def save_view(request: PageRequest) -> HttpResponse:
    try:
        query = AuditQuery.parse(QueryDict(request.POST.get("query", "")), reader=request.user).address
        kept = save_filter(actor=request.user, name=request.POST.get("name", ""), query=query)
    except ValidationFailed:
        return render_list(request, save_error="These filters can't be kept: correct them first.")
    except InvalidSavedFilter as refusal:
        return render_list(request, save_error=refusal.message)
    messages.success(request, f"View {kept.name} saved.")
    return redirect(f"{reverse('audit')}?{kept.query}")


@requires(AUDIT_READ, POST)
def delete_view(request: PageRequest, filter_id: int) -> HttpResponse:
    if delete_filter(actor=request.user, filter_id=filter_id):
        messages.success(request, "View removed. The events stay.")
    return redirect("audit")


@requires(AUDIT_READ, SAFE)
def show_status(request: PageRequest) -> HttpResponse:
    """The status fragment; without htmx a redirect to the list."""
    if not wants_fragment(request):
        return redirect("audit")
    return render(request, "audit/_seal_status.html", {"status": verification_runs.status()})


@requires(AUDIT_READ, POST)
def verify_now(request: PageRequest) -> HttpResponse:
    verification_runs.start_full_verification()
    messages.success(request, "The log is being verified. This takes a few seconds for each hundred thousand events.")
    return redirect("audit")


@requires(AUDIT_READ, SAFE)
def download_checkpoint(request: PageRequest) -> HttpResponse:  # noqa: ARG001
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        raise Http404
    response = HttpResponse(checkpoint.note, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-checkpoint-{checkpoint.size}.txt"'
    return response


@requires(AUDIT_READ, SAFE)
def download_proof(request: PageRequest, event_id: int) -> StreamingHttpResponse:  # noqa: ARG001
    try:
        bundle = selected_bundle(AuditLog.objects.filter(pk=event_id), {"id": str(event_id)})
    except ProofUnavailable:
        raise Http404 from None
    if not bundle.rows:
        raise Http404
    response = StreamingHttpResponse(map(str.encode, bundle.lines()), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="audit-event-{event_id}-proof.jsonl"'
    return response
