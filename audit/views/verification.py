"""Verification of the audit log: its status, a run on request, and downloads for auditors."""

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit.export.bundles import selected_bundle
from audit.models import AuditLog
from audit.permissions import AUDIT_READ
from audit.sealing.sealer import latest_checkpoint
from audit.sealing.stored_tree import ProofUnavailable
from audit.verification import runs as verification_runs
from reprotech.web.access import requires
from reprotech.web.responses import PageRequest, wants_fragment


@requires(AUDIT_READ)
@require_safe
def show_status(request: PageRequest) -> HttpResponse:
    """The status fragment; without htmx a redirect to the list."""
    if not wants_fragment(request):
        return redirect("audit")
    return render(request, "audit/_seal_status.html", {"status": verification_runs.status()})


@requires(AUDIT_READ)
@require_POST
def verify_now(request: PageRequest) -> HttpResponse:
    verification_runs.start_full_verification()
    messages.success(request, "The log is being verified. This takes a few seconds for each hundred thousand events.")
    return redirect("audit")


@requires(AUDIT_READ)
@require_safe
def download_checkpoint(request: PageRequest) -> HttpResponse:  # noqa: ARG001
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        raise Http404
    response = HttpResponse(checkpoint.note, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-checkpoint-{checkpoint.size}.txt"'
    return response


@requires(AUDIT_READ)
@require_safe
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
