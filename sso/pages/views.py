"""The list of applications, and the page of one: a tab for each subject, with an address of its own."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access.authorization import Target
from accounts.common.requests import PageRequest
from accounts.models import Permission, Role
from accounts.permissions import USER_READ
from audit.models import AuditLog
from audit.permissions import AUDIT_READ
from reprotech.core.exceptions import Forbidden, ValidationFailed
from reprotech.web.access import SAFE, requires
from reprotech.web.filter_chips import FilterSelect, Option, filter_chips
from reprotech.web.responses import UNPROCESSABLE, render_page
from sso.models import Application, AppSignIn
from sso.pages.filters import ApplicationPageFilter, SignInFilter
from sso.pages.recipes import RECIPES, addresses_of, endpoints_of, recipe_for, settings_of
from sso.pages.tabs import application_tabs, may_see_sign_ins, warnings_of
from sso.permissions import SETTINGS_READ
from sso.provider.issuer import issuer

MAX_EVENTS = 20
#: Which program's settings a reader looked at last, and for how long that is remembered.
PROGRAM_COOKIE, COOKIE_SECONDS = "reprotech_setup", 30 * 24 * 60 * 60
CHIP_LABELS = {"search": "Search", "role": "Opened by", "kind": "Kind", "status": "State"}
#: As the list calls them.
KINDS = ((Application.Kind.CONFIDENTIAL, "Server program"), (Application.Kind.PUBLIC, "Browser or desktop"))
STATES = (("active", "Active"), ("inactive", "Inactive"))
#: The page's names of what is called otherwise in the address.
LABELS = {**CHIP_LABELS, "per_page": "Rows", "sort": "Order"}


@requires(SETTINGS_READ, SAFE)
def list_applications(request: PageRequest) -> HttpResponse:
    """A page of applications; 422 with an explanation for invalid filters."""
    applications = Application.objects.visible_to(request.user)
    options = _options(request)
    context: dict[str, object] = {
        "typed": request.GET,
        "selects": [
            FilterSelect("role", "Opened by", options["role"], any="Any role"),
            FilterSelect("kind", "Kind", options["kind"]),
            FilterSelect("status", "State", options["status"]),
        ],
        "chips": filter_chips(request.GET, CHIP_LABELS, options),
        "total": applications.count(),
        "crumbs": [("Applications", None)],
    }
    status = 200
    try:
        context["query"] = query = ApplicationPageFilter.parse(request.GET)
        context["page"] = query.page_of(applications.with_roles().with_sign_in_count().with_last_sign_in())
    except ValidationFailed as refusal:
        context["errors"] = {LABELS.get(name, name): sentences for name, sentences in refusal.errors.items()}
        status = UNPROCESSABLE
    page, fragment = "sso/application_list.html", "sso/_application_table.html"
    return render_page(request, page, context, fragment=fragment, status=status)


def _options(request: PageRequest) -> dict[str, list[Option]]:
    """The choices of the filters."""
    roles = [(role.slug, role.name) for role in Role.objects.filter(applications__isnull=False).distinct()]
    offered = {"kind": KINDS, "status": STATES, "role": roles}
    return {
        name: [(str(value), label, str(value) == request.GET.get(name)) for value, label in choices]
        for name, choices in offered.items()
    }


def find_application(request: PageRequest, application_id: int) -> Application:
    """The application as the reader may see it, with its roles, or 404."""
    visible = Application.objects.visible_to(request.user).with_roles().select_related("service_account")
    application: Application = get_object_or_404(visible, pk=application_id)
    return application


def _render_tab(
    request: PageRequest, application: Application, tab: str, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    shown = {
        "application": application,
        "tabs": application_tabs(request.user, application),
        "open_tab": tab,
        "tab_template": f"sso/_application_{tab}.html",
        "crumbs": [("Applications", reverse("applications")), (application.name, None)],
        **context,
    }
    return render_page(request, "sso/application.html", shown, fragment="sso/_application.html", status=status)


@requires(SETTINGS_READ, SAFE)
def show_application(request: PageRequest, application_id: int) -> HttpResponse:
    application = find_application(request, application_id)
    return _render_tab(request, application, "overview", {"warnings": warnings_of(application)})


@requires(SETTINGS_READ, SAFE)
def show_setup(request: PageRequest, application_id: int) -> HttpResponse:
    """Ready-made settings of the program that was asked for, now or the last time, or that it looks like."""
    application = find_application(request, application_id)
    asked = request.GET.get("program", "")
    recipe = recipe_for(application, asked, request.COOKIES.get(PROGRAM_COOKIE, ""))
    addresses = list(addresses_of(application, recipe))
    context = {
        "recipes": RECIPES,
        "recipe": recipe,
        "endpoints": endpoints_of(application, issuer(), recipe),
        "addresses": addresses,
        "is_incomplete": not all(address.is_registered for address in addresses),
        "parts": settings_of(application, recipe, issuer()),
    }
    response = _render_tab(request, application, "setup", context)
    if asked == recipe.name:
        # The browser sends it to this page alone, so each application has one of its own.
        response.set_cookie(
            PROGRAM_COOKIE,
            asked,
            max_age=COOKIE_SECONDS,
            path=reverse("application_setup", args=[application.pk]),
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    return response


@requires(SETTINGS_READ, SAFE)
def show_sign_ins(request: PageRequest, application_id: int) -> HttpResponse:
    """Who signed in to it, when and from where."""
    if not may_see_sign_ins(request.user):
        raise Forbidden(USER_READ if not request.user.has_perm(USER_READ) else AUDIT_READ, Target("application"))
    application = find_application(request, application_id)
    is_now = request.GET.get("state") == "now"
    shown = FilterSelect("state", "Show", [("now", "Signed in now", is_now)], any="All sign-ins")
    context: dict[str, object] = {"typed": request.GET, "selects": [shown]}
    status = 200
    try:
        context["query"] = query = SignInFilter.parse(request.GET, reader=request.user)
        sign_ins = AppSignIn.objects.filter(application=application).with_validity().select_related("user", "session")
        context["page"] = query.page_of(sign_ins)
    except ValidationFailed as refusal:
        context["errors"] = {LABELS.get(name, name): sentences for name, sentences in refusal.errors.items()}
        status = UNPROCESSABLE
    return _render_tab(request, application, "sign_ins", context, status)


@requires(SETTINGS_READ, SAFE)
def show_permissions(request: PageRequest, application_id: int) -> HttpResponse:
    """The permissions that the program brought along, and the roles that hold them."""
    application = find_application(request, application_id)
    own = Permission.objects.filter(application_slug=application.slug).prefetch_related("roles").order_by("name")
    return _render_tab(request, application, "permissions", {"permissions": own})


@requires(SETTINGS_READ, SAFE)
def show_activity(request: PageRequest, application_id: int) -> HttpResponse:
    """The latest events about it."""
    if not request.user.has_perm(AUDIT_READ):
        raise Forbidden(AUDIT_READ, Target("application", application_id))
    application = find_application(request, application_id)
    about = AuditLog.objects.filter(resource="application", resource_id=str(application.pk))
    return _render_tab(request, application, "activity", {"events": about.newest_first()[:MAX_EVENTS]})
