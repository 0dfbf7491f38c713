from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from accounts.access.reader_rights import missing_permissions
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.models import Role, User
from accounts.permissions import USER_CREATE, USER_READ, USER_UPDATE
from accounts.preferences.list_settings import USER_COLUMNS
from accounts.preferences.services import list_settings
from accounts.throttling import login_throttle
from accounts.user_list.filters import UserPageFilter
from accounts.user_list.saved_views import saved_views
from accounts.users import services as user_services
from accounts.users import uniqueness
from accounts.users.allowed_actions import allowed_actions
from accounts.users.forms import MAX_BULK_USERS, MAX_NAME_LENGTH, NewUserForm, RolesForm, UserForm
from reprotech.core.exceptions import DomainError, StaleVersion, ValidationFailed
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.filter_chips import FilterSelect, Option, filter_chips
from reprotech.web.responses import UNPROCESSABLE, bind_form, htmx_redirect, render_form, render_page, safe_next_url

KIND_OPTIONS = (("person", "People"), ("service", "Service accounts"))
FACTOR_OPTIONS = (("yes", "Set up"), ("no", "None"))
#: Only links set this filter: the form shows it while it is set.
ATTENTION_OPTIONS = (
    ("dormant", "No sign-in for 90 days"),
    ("key_ending", "API key ends within 14 days"),
    ("no_factor", "Required second factor missing"),
    ("access_ending", "Access ends within 14 days"),
)
CHIP_LABELS = {
    "search": "Search",
    "role": "Role",
    "status": "Status",
    "kind": "Account type",
    "factor": "Two-factor",
    "attention": "Attention",
    "ends_before": "Access ends before",
}
#: The page's names of what is called otherwise in the address.
LABELS = {**CHIP_LABELS, "per_page": "Rows", "sort": "Order"}


@requires(USER_READ, SAFE)
def list_users(request: PageRequest) -> HttpResponse:
    """Users by the filters of `UserQuery`, a page at a time; 422 with an explanation for invalid filters."""
    options = filter_options(request.GET)
    settings = list_settings(request.user, "users")
    context: dict[str, object] = {
        "typed": request.GET,
        "selects": [
            FilterSelect(name, label, options[name]) for name, label in CHIP_LABELS.items() if options.get(name)
        ],
        "settings": settings,
        "columns": USER_COLUMNS,
        "saved": saved_views(request.user.pk),
        "chips": filter_chips(request.GET, CHIP_LABELS, options),
        "here": urlencode({"next": request.get_full_path()}),
        # From a person's page one goes on to the next of this list.
        "person_suffix": f"?{urlencode({'list': request.GET.urlencode() or 'page=1'})}",
        "crumbs": [("Users", None)],
    }
    status = 200
    try:
        context["query"] = query = UserPageFilter.parse(request.GET)
        users = User.objects.visible_to(request.user).with_roles()
        page = query.page_of(users.with_key_count() if "keys" in settings.columns else users)
        login_throttle.mark_locked_out(page.items)
        context |= {
            "page": page,
            "rows": [(user, allowed_actions(request.user, user)) for user in page.items],
            "matching": f"?{urlencode(query.given)}",
            "most_at_once": MAX_BULK_USERS,
        }
    except ValidationFailed as refusal:
        context["errors"] = {LABELS.get(name, name): sentences for name, sentences in refusal.errors.items()}
        status = UNPROCESSABLE
    return render_page(request, "accounts/user_list.html", context, fragment="accounts/_user_table.html", status=status)


def filter_options(query: QueryDict) -> dict[str, list[Option]]:
    """The choices of each filter that is a select; of `attention`, which only links set, while it is set."""
    fixed = {
        "status": User.STATUS_FILTERS.items(),
        "factor": FACTOR_OPTIONS,
        "kind": KIND_OPTIONS,
        "attention": ATTENTION_OPTIONS if "attention" in query else (),
    }
    marked = {
        name: [(value, label, value == query.get(name)) for value, label in options] for name, options in fixed.items()
    }
    return {"role": role_options(query.get("role", "")), **marked}


def role_options(chosen: str) -> list[Option]:
    """(value, label, is it chosen) of each role, and of a chosen role that doesn't exist."""
    options = [(role.slug, role.name, chosen.lower() in {role.slug, role.name.lower()}) for role in Role.objects.all()]
    is_known = not chosen or any(is_chosen for _, _, is_chosen in options)
    return options if is_known else [*options, (chosen, f"{chosen} (unknown)", True)]


@requires(USER_CREATE, FORM)
def create_user(request: PageRequest) -> HttpResponse:
    form = bind_form(NewUserForm, request, actor=request.user)
    if request.method != "POST":
        form.initial["roles"] = form.grantable_slugs(request.GET.getlist("role"))
    if request.method == "POST" and form.is_valid():
        try:
            user = user_services.create_user(actor=request.user, **form.values)
            messages.success(request, f"User {user.username} created.{_invitation_sentence(user)}")
            # The permission to create users doesn't include that to see them.
            if request.user.has_perm(USER_READ):
                return htmx_redirect(request, "user", user.pk)
            return htmx_redirect(request, "home")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"preview_url": reverse("preview_new_user"), "crumbs": breadcrumbs("user", None, "New user")}
    return render_form(request, "accounts/user_form.html", form, context)


def _invitation_sentence(user: User) -> str:
    if user.is_service or user.has_usable_password():
        return ""
    if user.invited_at is None:
        return f" The invitation to {user.email} leaves the day before the account begins."
    return f" An invitation is on its way to {user.email}."


@requires(USER_CREATE, SAFE)
def propose_username(request: PageRequest) -> HttpResponse:
    """A free username for a name, as JSON: {"username": ""} where none can be made of it."""
    names = [request.GET.get(field, "")[:MAX_NAME_LENGTH] for field in ("first_name", "last_name")]
    return JsonResponse({"username": uniqueness.propose_username(*names)})


@requires(USER_CREATE, SAFE)
def preview_new_user(request: PageRequest) -> HttpResponse:
    return _preview_roles(request)


@requires(USER_UPDATE, SAFE)
def preview_user(request: PageRequest) -> HttpResponse:
    return _preview_roles(request)


def _preview_roles(request: PageRequest) -> HttpResponse:
    """What the ticked roles give, for the form of a user."""
    form = RolesForm(request.GET, actor=request.user)
    return render(request, "accounts/_roles_preview.html", {"form": form, "preview_url": request.path})


@requires(USER_UPDATE, FORM)
def edit_user(request: PageRequest, user_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    back = safe_next_url(request, reverse("user", args=[user.pk]))
    form = bind_form(UserForm, request, actor=request.user, record=user)
    if request.method == "POST" and form.is_valid():
        try:
            changed = user_services.update_user(actor=request.user, user_id=user.pk, **form.values)
            messages.success(request, f"User {changed.username} saved.")
            return htmx_redirect(request, back)
        except DomainError as refusal:
            form.add_refusal(refusal)
            if isinstance(refusal, StaleVersion):
                form.catch_up(get_user_or_404(request, user_id))
    context = {
        "person": user,
        "beyond": missing_permissions(request.user, user),
        "next": back,
        "preview_url": reverse("preview_user"),
        "crumbs": breadcrumbs("user", user, "Edit"),
    }
    return render_form(request, "accounts/user_form.html", form, context)
