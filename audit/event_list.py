"""The page with the list of events: what its filters offer, and what they found."""

from collections.abc import Callable, Iterable
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.urls import reverse

from audit.event_histogram import histogram_of
from audit.event_query import PERIODS, AuditQuery
from audit.filters import AuditPageFilter
from audit.models import Action, AuditLog
from audit.models.resources import RESOURCES
from audit.presentation.action_kinds import action_kind, resource_label
from audit.saved_filters import saved_filters
from audit.verification import runs as verification_runs
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.responses import UNPROCESSABLE, PageRequest, htmx_of, render_page, wants_fragment

#: Filters that only links set: each is named above the list, with a link to remove it.
LINKED = {
    "user": "user",
    "request_id": "request",
    "session": "session",
    "resource_id": "number",
    "involving": "everything of user",
}
#: Filters with a field, which says what is wrong with them.
FIELDS = ("search", "user_contains", "action", "resource", "outcome", "reason", "ip_address", "from", "to")
LABELS = {"per_page": "Page size", "last": "Period"}
PERIOD_LABELS = {"15m": "15 min", "24h": "24 h", "7d": "7 days", "30d": "30 days"}
#: Views that everybody has.
COMMON_VIEWS = (
    ("Failed sign-ins, 24 h", "action=login&outcome=failure&last=24h"),
    ("Access denied, 7 days", "action=access_denied&last=7d"),
    ("Roles assigned, 30 days", "action=role_assign&last=30d"),
    ("Changes without a reason, 7 days", "reason=missing&last=7d"),
)


def render_list(request: PageRequest, save_error: str = "") -> HttpResponse:
    """The list, with status 422 and the problem for filters or a saved view that aren't valid."""
    context: dict[str, object] = {
        "typed": request.GET,
        "actions": _choices(Action.values, request.GET.get("action", ""), lambda action: action_kind(action).label),
        "resources": _choices(RESOURCES, request.GET.get("resource", ""), resource_label),
        "reasons": [("missing", "Changes without one", request.GET.get("reason") == "missing")],
        "linked": [
            (name, label, request.GET[name], _address(request.GET, drop=(name,)))
            for name, label in LINKED.items()
            if request.GET.get(name)
        ],
        "periods": _periods(request.GET),
        "status": verification_runs.status(),
        "saved": saved_filters(request.user.pk, _check_view),
        "common_views": COMMON_VIEWS,
        "save_error": save_error,
        "crumbs": [("Audit log", None)],
    }
    try:
        context["query"] = query = AuditPageFilter.parse(request.GET, reader=request.user)
        context["page"] = page = query.page_of(AuditLog.objects.all())
        context["histogram"] = histogram_of(query, page, request.GET)
    except ValidationFailed as refusal:
        return _render_refused(request, context, refusal.errors)
    return render_page(
        request,
        "audit/event_list.html",
        context,
        fragment="audit/_event_update.html",
        status=UNPROCESSABLE if save_error else 200,
    )


def _check_view(query: QueryDict) -> None:
    """Raise ValidationFailed unless its filters still exist. Whom a part of a name means is for the list to find."""
    rest = query.copy()
    rest.pop("user_contains", None)
    AuditQuery.parse(rest)


def _render_refused(request: PageRequest, context: dict[str, object], errors: dict[str, list[str]]) -> HttpResponse:
    """What is wrong, each at its field; a list that is shown already stays as it is."""
    context["field_errors"] = errors
    # The page has them at its fields.
    at_fields = errors.keys() & set(FIELDS) if wants_fragment(request) else set()
    context["at_fields"] = [(name, " ".join(errors[name])) for name in FIELDS if name in at_fields]
    context["errors"] = [(name, LABELS.get(name, name), found) for name, found in errors.items() if name not in FIELDS]
    response = render_page(
        request, "audit/event_list.html", context, fragment="audit/_filter_errors.html", status=UNPROCESSABLE
    )
    if wants_fragment(request) and htmx_of(request).target == "events":
        response["HX-Retarget"], response["HX-Reswap"] = "#filter-errors", "outerHTML"
        response["HX-Push-Url"] = "false"
    return response


def _choices(known: Iterable[str], chosen: str, label_of: Callable[[str], str]) -> list[tuple[str, str, bool]]:
    """(value, label, is chosen) for each choice, and for a chosen value that isn't one of them."""
    # A linked or typed value must stay visible in the form, even if it matches nothing.
    values = [*known] if not chosen or chosen.lower() in known else [*known, chosen]
    return [(value, label_of(value), value in (chosen, chosen.lower())) for value in values]


def _periods(query: QueryDict) -> list[tuple[str, str, bool]]:
    """(label, address, is chosen) of each period, and of any time."""
    has_dates = bool(query.get("from") or query.get("to"))
    chosen = "" if has_dates else query.get("last", "")
    base = ("last", "from", "to")
    any_time = ("Any time", _address(query, drop=base), not chosen and not has_dates)
    return [
        *((PERIOD_LABELS[name], _address(query, drop=base, last=name), name == chosen) for name in PERIODS),
        any_time,
    ]


def _address(query: QueryDict, drop: Iterable[str], **added: str) -> str:
    """The list's address with other filters."""
    rest = [(name, value) for name, value in query.items() if value and name not in {*drop, "page"}]
    given = urlencode([*rest, *added.items()])
    return reverse("audit") + (f"?{given}" if given else "")
