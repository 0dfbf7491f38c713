"""The page `/device`: people type, or confirm, the code that a device without a browser shows."""

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from accounts.access.role_requests import RoleRequests
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from reprotech.core.exceptions import DomainError, TooManyAttempts
from reprotech.web.access import FORM, POST, SIGNED_IN, requires
from reprotech.web.responses import bind_form, render_form, render_page
from sso.exceptions import ApplicationNotOpen
from sso.models import DeviceRequest
from sso.sign_ins import devices
from sso.sign_ins.devices import MAX_TYPED_LENGTH

CRUMBS = [("Sign in a device", None)]


class UserCodeForm(ServiceForm):
    user_code = forms.CharField(
        label="Code that the device shows",
        max_length=MAX_TYPED_LENGTH,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True}
        ),
    )


@requires(SIGNED_IN, FORM)
def enter_code(request: PageRequest) -> HttpResponse:
    """A GET, also with the code in the address, fills the field in and nothing more: anybody can send a link."""
    shown = {"user_code": request.GET.get("user_code", "")[:MAX_TYPED_LENGTH]}
    form = bind_form(UserCodeForm, request, initial=shown)
    if form.is_valid():
        try:
            code = form.cleaned_data["user_code"]
            found = devices.find_device_request(session=request.page_session, user_code=code)
            return _question(request, found, code)
        except DomainError as refusal:
            _show(form, refusal)
    return _code_page(request, form)


@requires(SIGNED_IN, POST)
def approve(request: PageRequest) -> HttpResponse:
    return _decide(request, is_approved=True)


@requires(SIGNED_IN, POST)
def refuse(request: PageRequest) -> HttpResponse:
    return _decide(request, is_approved=False)


def _decide(request: PageRequest, *, is_approved: bool) -> HttpResponse:
    form = UserCodeForm(request.POST)
    if not form.is_valid():
        return _code_page(request, form)
    try:
        decided = devices.decide_device_request(
            session=request.page_session, user_code=form.cleaned_data["user_code"], is_approved=is_approved
        )
    except DomainError as refusal:
        _show(form, refusal)
        return _code_page(request, form, refusal)
    context = {"application": decided.application, "is_approved": is_approved, "crumbs": CRUMBS}
    return render_page(request, "sso/device_decided.html", context)


def _question(request: PageRequest, found: DeviceRequest, code: str) -> HttpResponse:
    context = {
        "application": found.application,
        "found": found,
        "code": code.upper(),
        "is_near": found.ip_address == request.page_session.ip_address,
        "back": reverse("device"),
        "crumbs": CRUMBS,
    }
    return render_page(request, "sso/device_question.html", context)


def _code_page(request: PageRequest, form: UserCodeForm, refusal: DomainError | None = None) -> HttpResponse:
    context: dict[str, object] = {"crumbs": CRUMBS}
    if isinstance(refusal, ApplicationNotOpen):
        roles = refusal.application.roles.all()
        context["roles_to_ask_for"] = RoleRequests.suggest(request.user, roles)
    return render_form(request, "sso/device.html", form, context)


def _show(form: UserCodeForm, refusal: DomainError) -> None:
    if isinstance(refusal, TooManyAttempts):
        form.add_refusal(refusal)
    else:
        form.add_error("user_code", refusal.message)
