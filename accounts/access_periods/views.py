"""Pages that give a user one role for a time, change that time, and take the role."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse

from accounts.access.reader_rights import missing_to_change_roles
from accounts.access_periods import services
from accounts.access_periods.forms import ChangePeriodForm, GiveRoleForm
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.models import RoleGrant, User
from accounts.periods.grants import described_period
from accounts.permissions import USER_READ, USER_UPDATE
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, safe_next_url
from reprotech.web.toasts import add_toast


@requires(USER_UPDATE, FORM)
def give_role(request: PageRequest, user_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    form = bind_form(GiveRoleForm, request, actor=request.user, person=user)

    def save() -> str:
        grant = services.grant_role(actor=request.user, user_id=user.pk, **form.values)
        return f"{user.username} has the role {grant.role} {described_period(grant.starts_at, grant.ends_at)}."

    return _respond(request, user, form, save, title="Assign role for a time", button="Assign role")


@requires(USER_UPDATE, FORM)
def change_period(request: PageRequest, user_id: int, grant_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    grant = _grant_or_404(user, grant_id)
    form = bind_form(ChangePeriodForm, request, grant=grant)

    def save() -> str:
        changed = services.change_grant(actor=request.user, user_id=user.pk, grant_id=grant.pk, **form.values)
        return f"{user.username} has the role {grant.role} {described_period(changed.starts_at, changed.ends_at)}."

    return _respond(
        request, user, form, save, title=f"Change when {user.username} has the role {grant.role}", button="Save"
    )


@requires(USER_UPDATE, FORM)
def take_role(request: PageRequest, user_id: int, grant_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    grant = _grant_or_404(user, grant_id)
    form = bind_form(ServiceForm, request)

    def save() -> str:
        services.revoke_role(actor=request.user, user_id=user.pk, role=grant.role.slug)
        return f"{grant.role} removed from {user.username}."

    return _respond(
        request, user, form, save, title=f"Remove the role {grant.role}?", button="Remove role", is_removal=True
    )


def _respond(
    request: PageRequest,
    user: User,
    form: ServiceForm,
    save: Callable[[], str],
    *,
    title: str,
    button: str,
    is_removal: bool = False,
) -> HttpResponse:
    # The permission to change users doesn't include that to see them.
    default = reverse("user_access", args=[user.pk]) if request.user.has_perm(USER_READ) else reverse("home")
    back = safe_next_url(request, default)
    if request.method == "POST" and form.is_valid():
        try:
            add_toast(request, messages.SUCCESS, save())
            return htmx_redirect(request, back)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "person": user,
        "beyond": missing_to_change_roles(request.user, user),
        "title": title,
        "button": button,
        "is_removal": is_removal,
        "next": back,
        "crumbs": breadcrumbs("user", user, title),
    }
    page, fragment = "accounts/access_periods/form.html", "accounts/access_periods/_form.html"
    return render_form(request, page, form, context, fragment=fragment)


def _grant_or_404(user: User, grant_id: int) -> RoleGrant:
    grant: RoleGrant | None = RoleGrant.objects.unended().select_related("role").filter(user=user, pk=grant_id).first()
    if grant is None:
        raise Http404("There is no such grant any more.")
    return grant
