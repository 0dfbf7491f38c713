"""Pages of the audit log: the list, an event, the export."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlencode

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.api.serializers import AuditLogAnswer
from audit.export.files import export_response
from audit.filters import AuditExport, AuditPageFilter
from audit.models import Action, AuditLog
from audit.models.resources import RESOURCES
from audit.permissions import AUDIT_EXPORT, AUDIT_READ
from audit.presentation.change_rows import change_rows
from audit.presentation.event_text import sentence
from audit.presentation.seal_info import seal_of
from audit.retention.archiving import archive_of
from audit.saved_filters import saved_filters
from audit.verification import runs as verification_runs
from reprotech.core.exceptions import NotFound, ValidationFailed
from reprotech.web.access import declared_access, requires
from reprotech.web.errors import error_response
from reprotech.web.responses import UNPROCESSABLE, PageRequest, render_page

#: Filters that only links set: each is named above the list, with a link to remove it.
LINKED = {"request_id": "request", "session": "session", "resource_id": "number", "involving": "everything of user"}
#: Labels of filters that differ from their names.
LABELS = {"ip_address": "Address", "resource": "About", "per_page": "Page size"}


@requires(AUDIT_READ)
@require_safe
def list_events(request: PageRequest) -> HttpResponse:
    return render_list(request)


def render_list(request: PageRequest, save_error: str = "") -> HttpResponse:
    """The list, with status 422 and the problem for filters or a saved view that aren't valid."""
    context: dict[str, object] = {
        "typed": request.GET,
        "actions": _choices(Action.values, request.GET.get("action", "")),
        "resources": _choices(RESOURCES, request.GET.get("resource", "")),
        "linked": [
            (name, label, request.GET[name], _without(request.GET, name))
            for name, label in LINKED.items()
            if request.GET.get(name)
        ],
        "status": verification_runs.status(),
        "saved": saved_filters(request.user.pk),
        "save_error": save_error,
        "crumbs": [("Audit log", None)],
    }
    status = UNPROCESSABLE if save_error else 200
    try:
        context["query"] = query = AuditPageFilter.parse(request.GET)
        context["page"] = query.page_of(AuditLog.objects.all())
    except ValidationFailed as refusal:
        context["field_errors"] = refusal.errors
        context["errors"] = [(name, LABELS.get(name, name), found) for name, found in refusal.errors.items()]
        status = UNPROCESSABLE
    return render_page(request, "audit/event_list.html", context, fragment="audit/_event_table.html", status=status)


def _choices(known: Iterable[str], chosen: str) -> list[tuple[str, str, bool]]:
    """(value, label, is chosen) for each choice, and for a chosen value that isn't one of them."""
    # A linked or typed value must stay visible in the form, even if it matches nothing.
    values = [*known] if not chosen or chosen.lower() in known else [*known, chosen]
    return [(value, value.replace("_", " ").capitalize(), value in (chosen, chosen.lower())) for value in values]


def _without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for dropped in (name, "page"):
        rest.pop(dropped, None)
    return f"{reverse('audit')}?{rest.urlencode()}"


@requires(AUDIT_READ)
@require_safe
def show_event(request: PageRequest, event_id: int) -> HttpResponse:
    event = AuditLog.objects.filter(pk=event_id).first()
    if event is None:
        return _archived(request, event_id)
    context = {
        "event": event,
        "sentence": sentence(event),
        "changes": change_rows(event),
        "seal": seal_of(event),
        "object_page": _object_page(request, event),
        "erasures": _erasures(event),
        "raw": json.dumps(AuditLogAnswer(event).data, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder),
        "crumbs": [("Audit log", reverse("audit")), (f"Event {event.pk}", None)],
    }
    return render(request, "audit/event.html", context)


def _object_page(request: PageRequest, event: AuditLog) -> str:
    """The address of the page of the event's user or role; "" if there is none or it wouldn't open."""
    name = {"user": "users", "role": "roles"}.get(event.resource, "")
    if not name or not event.resource_id.isdecimal():
        return ""
    page = f"{reverse(name)}/{event.resource_id}"
    return page if request.user.has_perm(declared_access(page)) else ""


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


@requires(AUDIT_EXPORT)
@require_safe
def export_events(request: PageRequest) -> HttpResponseBase:
    try:
        return export_response(actor=request.user, query=AuditExport.parse(request.GET), with_bom=True)
    except ValidationFailed as refusal:
        context = {"errors": refusal.errors, "crumbs": [("Audit log", reverse("audit")), ("Export", None)]}
        return render(request, "audit/export_refused.html", context, status=UNPROCESSABLE)
