"""Giving roles to a person and taking them, on the page's tab for access."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.common.shortcuts import get_user_or_404
from accounts.models import User
from accounts.permissions import USER_READ, USER_UPDATE
from accounts.user_page.neighbours import list_suffix, opened_from
from accounts.user_page.role_changes import RoleChange, UserRolesForm
from accounts.user_page.views import may_change_roles, render_access
from accounts.users import services as user_services
from reprotech.core.exceptions import DomainError, StaleVersion
from reprotech.web.access import FORM, requires
from reprotech.web.responses import htmx_redirect, wants_fragment
from reprotech.web.toasts import Undo, add_toast


@requires(USER_UPDATE, FORM)
def change_roles(request: PageRequest, user_id: int) -> HttpResponse:
    """Save the ticked roles; GET with `assign` or `remove` ticks one first, and shows what that would change."""
    user = get_user_or_404(request, user_id)
    if request.method != "POST":
        form = UserRolesForm(actor=request.user, record=user)
        form.initial["roles"] = _ticked(form, request)
        return render_access(request, user, form if may_change_roles(request, user) else None)
    form = UserRolesForm(request.POST, actor=request.user, record=user)
    if form.is_valid():
        change = form.change_for(user)
        try:
            user_services.update_user(actor=request.user, user_id=user.pk, **form.values)
            undo = Undo(
                reverse("change_user_roles", args=[user.pk]), {"roles": [role.slug for role in user.roles.all()]}
            )
            add_toast(request, messages.SUCCESS, _done(user, change), undo if change else None)
            # The permission to change users doesn't include that to see them.
            access = reverse("user_access", args=[user.pk]) + list_suffix(opened_from(request))
            target = access if request.user.has_perm(USER_READ) else reverse("home")
            return htmx_redirect(request, target)
        except DomainError as refusal:
            form.add_refusal(refusal)
            if isinstance(refusal, StaleVersion):
                user = get_user_or_404(request, user_id)
                form.catch_up(user)
    return render_access(request, user, form)


@requires(USER_UPDATE, FORM)
def review_roles(request: PageRequest, user_id: int) -> HttpResponse:
    """What saving the ticked roles would change: below them, and alone for htmx as boxes are ticked."""
    if request.method != "POST":
        return redirect("user_access", user_id)
    user = get_user_or_404(request, user_id)
    form = UserRolesForm(request.POST, actor=request.user, record=user)
    if wants_fragment(request):
        suffix = list_suffix(opened_from(request))
        context = {"person": user, "form": form, "change": form.change_for(user), "list_suffix": suffix}
        return render(request, "accounts/user_page/_role_change.html", context)
    return render_access(request, user, form)


def _ticked(form: UserRolesForm, request: PageRequest) -> list[str]:
    """The roles that the user has, with the one to assign and without the one to remove."""
    slugs = {*form.initial["roles"], request.GET.get("assign", "")} - {request.GET.get("remove", "")}
    return [role.slug for role in form.all_roles if role.slug in slugs]


def _done(user: User, change: RoleChange) -> str:
    """Such as "Researcher assigned to hugo.li, Viewer removed."."""
    parts = []
    if change.assigned:
        parts.append(f"{', '.join(role.name for role in change.assigned)} assigned to {user.username}")
    if change.removed:
        names = ", ".join(role.name for role in change.removed)
        parts.append(f"{names} removed" if parts else f"{names} removed from {user.username}")
    return f"{', '.join(parts)}." if parts else f"The roles of {user.username} stay as they are."
