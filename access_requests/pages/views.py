"""The pages of requests: asking, one's own, those to decide, and one of them."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from access_requests.api.filters import RequestFilter, find_request
from access_requests.asking import services as asking
from access_requests.asking.conflicts import NONE, segregation_of
from access_requests.deciding import services as deciding
from access_requests.models import AccessRequest, State
from access_requests.pages.forms import AskForm, DeclineForm, GrantForm
from access_requests.permissions import USER_UPDATE
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.tabs import own_page
from accounts.models import User
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.web.access import FORM, SAFE, SIGNED_IN, requires
from reprotech.web.filter_chips import filter_chips
from reprotech.web.responses import UNPROCESSABLE, bind_form, htmx_redirect, render_form, render_page, safe_next_url

STATES = (
    (State.OPEN.value, "Open"),
    (State.GRANTED.value, "Granted"),
    (State.DECLINED.value, "Declined"),
    (State.WITHDRAWN.value, "Withdrawn"),
    (State.EXPIRED.value, "Expired"),
)
EXCLUDED = (
    "Your laboratory keeps this role apart from something that you have. It can be given to you only as an exception: "
    "those who decide see that too."
)


def _label(request: AccessRequest, reader: User) -> AccessRequest:
    """With what templates show of it to this reader."""
    request.shown_role = request.role_label(reader)  # type: ignore[attr-defined]
    request.shown_decider = request.decider_for(reader)  # type: ignore[attr-defined]
    return request


@requires(USER_UPDATE, SAFE)
def list_requests(request: PageRequest) -> HttpResponse:
    """Other people's requests that the reader may decide; those that are open unless a state is chosen."""
    reader = request.user
    decidable = AccessRequest.objects.decidable_by(reader)
    chosen = request.GET.get("state", "")
    options = {"state": [(value, label, value == chosen) for value, label in STATES]}
    context: dict[str, object] = {
        "typed": request.GET,
        "options": options,
        "chips": filter_chips(request.GET, {"state": "State"}, options),
        "total": decidable.count(),
        "crumbs": [("Requests", None)],
    }
    status = 200
    try:
        query = RequestFilter.parse(request.GET, reader=reader)
        rows = decidable.with_people()
        page = query.page_of(rows if chosen else rows.open())
        found = segregation_of(page.items, reader)
        for row in page.items:
            _label(row, reader).segregation = found.get(row.pk, NONE)  # type: ignore[attr-defined]
        context |= {"query": query, "page": page}
    except ValidationFailed as refusal:
        context["errors"], status = refusal.errors, UNPROCESSABLE
    return render_page(request, "access_requests/list.html", context, "access_requests/_table.html", status)


@requires(SIGNED_IN, SAFE)
def show_own_requests(request: PageRequest) -> HttpResponse:
    query = RequestFilter.parse(request.GET, reader=request.user)
    page = query.page_of(AccessRequest.objects.with_people().filter(user=request.user.pk))
    for row in page.items:
        _label(row, request.user)
    context = {
        **own_page(request.user, "requests"),
        "tab_template": "access_requests/_own.html",
        "page": page,
        "crumbs": [("Profile", None)],
    }
    return render_page(request, "accounts/profile.html", context, fragment="accounts/user_page/_page.html")


@requires(SIGNED_IN, FORM)
def ask_for_role(request: PageRequest) -> HttpResponse:
    """The form; `?role=` chooses one, if it may be asked for."""
    form = bind_form(AskForm, request, user=request.user, initial={"role": request.GET.get("role", "")[:80]})
    back = safe_next_url(request, reverse("own_requests"))
    if request.method == "POST" and form.is_valid():
        try:
            asked = asking.ask_for_role(actor=request.user, **form.values)
            messages.success(request, f"You asked for the role {asked.role_name}. You get a mail once it is decided.")
            if segregation_of([asked]):
                messages.warning(request, EXCLUDED)
            return htmx_redirect(request, "own_requests")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"next": back, "crumbs": [("Profile", reverse("own_requests")), ("Ask for a role", None)]}
    return render_form(request, "access_requests/ask.html", form, context, fragment="access_requests/_ask.html")


@requires(SIGNED_IN, SAFE)
def show_request(request: PageRequest, request_id: int) -> HttpResponse:
    """One request: who asked decides nothing here, and may withdraw it."""
    return render_page(request, "access_requests/request.html", _context(request, request_id), None)


@requires(USER_UPDATE, FORM)
def grant_request(request: PageRequest, request_id: int) -> HttpResponse:
    context = _context(request, request_id)
    asked: AccessRequest = context["asked"]  # type: ignore[assignment]
    form = bind_form(GrantForm, request, asked=asked)

    def save() -> str:
        done = deciding.grant_request(actor=request.user, request_id=asked.pk, **form.values)
        return f"{asked.user.username} has the role {done.role_label(request.user)} now."

    return _decide(request, context, form, save, title="Grant the request", button="Assign role")


@requires(USER_UPDATE, FORM)
def decline_request(request: PageRequest, request_id: int) -> HttpResponse:
    context = _context(request, request_id)
    asked: AccessRequest = context["asked"]  # type: ignore[assignment]
    form = bind_form(DeclineForm, request)

    def save() -> str:
        deciding.decline_request(actor=request.user, request_id=asked.pk, note=form.cleaned_data["note"])
        return f"Request of {asked.user.username} declined."

    return _decide(request, context, form, save, title="Decline the request", button="Decline")


@requires(SIGNED_IN, FORM)
def withdraw_request(request: PageRequest, request_id: int) -> HttpResponse:
    context = _context(request, request_id)
    form = bind_form(ServiceForm, request)

    def save() -> str:
        done = asking.withdraw_request(actor=request.user, request_id=request_id)
        return f"You don't ask for the role {done.role_name} any more."

    return _decide(request, context, form, save, title="Withdraw your request?", button="Withdraw", back="own_requests")


def _decide(
    request: PageRequest,
    context: dict[str, object],
    form: ServiceForm,
    save: Callable[[], str],
    *,
    title: str,
    button: str,
    back: str = "requests",
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save())
            return htmx_redirect(request, back)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context |= {"title": title, "button": button}
    return render_form(
        request, "access_requests/decision.html", form, context, fragment="access_requests/_decision.html"
    )


def _context(request: PageRequest, request_id: int) -> dict[str, object]:
    asked = _label(find_request(request.user, request_id), request.user)
    is_own = asked.user_id == request.user.pk
    home = ("Profile", reverse("own_requests")) if is_own else ("Requests", reverse("requests"))
    return {
        "asked": asked,
        "is_own": is_own,
        "segregation": segregation_of([asked], request.user).get(asked.pk, NONE),
        "excluded": EXCLUDED,
        "crumbs": [home, (f"Request {asked.pk}", None)],
    }
