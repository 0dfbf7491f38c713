"""`/access`: who had access on a day or at a moment, to read, to print and as files."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from access_history.models import RolePeriod
from access_history.pages.filters import (
    AccessPageFilter,
    ReportQuery,
    quick_days,
    read_page_query,
    shown_fields,
)
from access_history.projection.progress import read_progress
from access_history.questions.answers import MAX_REPORT_ROWS, answer, read_report
from access_history.questions.bundles import file_response
from access_history.questions.files import REPORT, start_export
from access_history.questions.rows import AccessRow
from access_history.questions.windows import STATUSES
from accounts.common.requests import PageRequest
from accounts.models import Permission, User
from accounts.periods.validation import lab_day
from accounts.permissions import USER_READ
from audit.permissions import AUDIT_READ
from audit.sealing.sealer import latest_checkpoint
from reprotech.core.exceptions import Forbidden, ValidationFailed
from reprotech.web.access import SAFE, requires
from reprotech.web.filter_chips import FilterSelect, Option, filter_chips
from reprotech.web.responses import UNPROCESSABLE, render_page

STATUS_LABELS = {
    "active": "Active",
    "locked": "Locked",
    "inactive": "Inactive",
    "pending": "Begins later",
    "ended": "Ended",
}
CHIP_LABELS = {"user": "User", "role": "Role", "permission": "Permission", "status": "Status"}
LABELS = {**CHIP_LABELS, "on": "Day", "at": "Moment", "time": "Time", "per_page": "Rows"}


@requires(AUDIT_READ, SAFE)
def show_access(request: PageRequest) -> HttpResponseBase:
    """Who had access; with `format` as a file, and 422 with an explanation for what can't be asked."""
    _require_user_read(request)
    context = _frame(request)
    status = 200
    try:
        query = AccessPageFilter.parse(read_page_query(request.GET))
        if query.file_format:
            return file_response(actor=request.user, query=query, with_bom=True)
        found = answer(actor=request.user, query=query)
        context |= {
            "answer": found,
            "page": found.page,
            "window": found.question.window,
            "entries": with_people(request.user, found.page.items),
            "files": urlencode(query.given),
        }
    except ValidationFailed as refusal:
        context["errors"] = {LABELS.get(name, name): sentences for name, sentences in refusal.errors.items()}
        status = UNPROCESSABLE
    return render_page(
        request, "access_history/access.html", context, fragment="access_history/_answer.html", status=status
    )


@requires(AUDIT_READ, SAFE)
def show_report(request: PageRequest) -> HttpResponse:
    """All of an answer to print, with the checkpoint that proves it. Making a report is itself recorded."""
    _require_user_read(request)
    crumbs = [("Access history", reverse("access")), ("Report", None)]
    try:
        query = ReportQuery.parse(read_page_query(request.GET))
        report = read_report(query)
        if report.rows is None:
            sentence = f"More than {MAX_REPORT_ROWS:,} accounts match: narrow the question, or export it as CSV."
            raise ValidationFailed({"Report": [sentence]})
        question = start_export(actor=request.user, query=query, file_format=REPORT)
    except ValidationFailed as refusal:
        errors = {LABELS.get(name, name): sentences for name, sentences in refusal.errors.items()}
        refused = {"errors": errors, "crumbs": crumbs}
        return render(request, "access_history/report_refused.html", refused, status=UNPROCESSABLE)
    context: dict[str, object] = {
        "report": report,
        "rows": report.rows,
        "window": question.window,
        "given": {CHIP_LABELS[name]: value for name, value in query.given.items() if name in CHIP_LABELS},
        "lab_time_zone": settings.LAB_TIME_ZONE,
        "checkpoint": latest_checkpoint(),
        "made_at": timezone.now(),
        "crumbs": crumbs,
        "files": urlencode(query.given),
    }
    return render(request, "access_history/report.html", context)


def with_people(reader: User, rows: list[AccessRow]) -> list[tuple[AccessRow, User | None]]:
    """With each row the account, while it exists: its face, and whether it was deleted since."""
    people = User.objects.visible_to(reader).in_bulk([row.id for row in rows])
    return [(row, people.get(row.id)) for row in rows]


def _require_user_read(request: PageRequest) -> None:
    if not request.user.has_perm(USER_READ):
        raise Forbidden(USER_READ)


def _frame(request: PageRequest) -> dict[str, object]:
    """What stands around an answer, also where there is none."""
    day, time_of_day = shown_fields(request.GET)
    options = _options(request.GET)
    chosen = request.GET.get("on") if not request.GET.get("time") else None
    return {
        "typed": {**{name: request.GET.get(name, "") for name in CHIP_LABELS}, "on": day, "time": time_of_day},
        "selects": [FilterSelect(name, CHIP_LABELS[name], found) for name, found in options.items()],
        "chips": filter_chips(request.GET, CHIP_LABELS, options),
        "clear": _without(request.GET, CHIP_LABELS),
        "quick_days": [
            (label, _with_day(request.GET, that.isoformat()), that.isoformat() == (chosen or None))
            for label, that in quick_days(lab_day(timezone.now()))
        ],
        "path": reverse("access"),
        "lab_time_zone": settings.LAB_TIME_ZONE,
        "log_begin": read_progress().begins_at,
        "crumbs": [("Access history", None)],
    }


def _options(query: QueryDict) -> Mapping[str, list[Option]]:
    """The choices of the filters: roles that there are or were, by their names."""
    names = sorted(set(RolePeriod.objects.values_list("name", flat=True)), key=str.casefold)
    permissions = sorted(Permission.objects.values_list("name", "description"), key=lambda one: one[1].casefold())
    return {
        "role": _marked([(name, name) for name in names], query.get("role", "")),
        "permission": _marked(permissions, query.get("permission", "")),
        "status": _marked([(status, STATUS_LABELS[status]) for status in STATUSES], query.get("status", "")),
    }


def _marked(options: list[tuple[str, str]], chosen: str) -> list[Option]:
    """With a chosen value that isn't one of them, such as a role's slug."""
    found = [(value, label, value.lower() == chosen.lower()) for value, label in options]
    is_known = not chosen or any(is_chosen for _, _, is_chosen in found)
    return found if is_known else [*found, (chosen, chosen, True)]


def _with_day(query: QueryDict, day: str) -> str:
    rest = query.copy()
    for name in ("at", "time", "page"):
        rest.pop(name, None)
    rest["on"] = day
    return f"?{rest.urlencode()}"


def _without(query: QueryDict, names: Iterable[str]) -> str:
    rest = query.copy()
    for name in (*names, "page"):
        rest.pop(name, None)
    return f"{reverse('access')}?{rest.urlencode()}"
