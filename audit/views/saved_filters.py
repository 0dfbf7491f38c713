"""Saving and removing filters of the audit log."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit.filters import AuditQuery
from audit.permissions import AUDIT_READ
from audit.saved_filters import InvalidSavedFilter, delete_filter, save_filter
from audit.views.events import render_list
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import requires
from reprotech.web.responses import PageRequest


@requires(AUDIT_READ)
@require_POST
def save_view(request: PageRequest) -> HttpResponse:
    try:
        query = AuditQuery.parse(QueryDict(request.POST.get("query", ""))).address
        kept = save_filter(actor=request.user, name=request.POST.get("name", ""), query=query)
    except ValidationFailed:
        return render_list(request, save_error="These filters can't be kept: correct them first.")
    except InvalidSavedFilter as refusal:
        return render_list(request, save_error=refusal.message)
    messages.success(request, f"The view {kept.name} is kept.")
    return redirect(f"{reverse('audit')}?{kept.query}")


@requires(AUDIT_READ)
@require_POST
def delete_view(request: PageRequest, filter_id: int) -> HttpResponse:
    if delete_filter(actor=request.user, filter_id=filter_id):
        messages.success(request, "The view is removed. The events stay.")
    return redirect("audit")
