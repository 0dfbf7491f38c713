"""Who can do what: all permissions by role, and each of them with the users who have it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.models import Permission, Role, User
from accounts.permissions import ROLE_READ, USER_READ
from accounts.roles.filters import HolderFilter
from accounts.roles.permission_grid import GridQuery, permission_grid
from reprotech.web.access import SAFE, requires
from reprotech.web.responses import render_page


@requires(ROLE_READ, SAFE)
def list_permissions(request: PageRequest) -> HttpResponse:
    """Permissions by roles, as far as the filters let them through."""
    query = GridQuery.parse(request.GET)
    roles = list(Role.objects.with_permissions().with_user_count())
    context = {
        "query": query,
        "grid": permission_grid(query, list(Permission.objects.all()), roles),
        "crumbs": [("Permissions", None)],
    }
    return render_page(request, "accounts/permission_list.html", context, fragment="accounts/_permission_grid.html")


@requires(ROLE_READ, SAFE)
def show_permission(request: PageRequest, name: str) -> HttpResponse:
    """A permission, the roles that give it and, for readers of users, the users who have it."""
    permission = get_object_or_404(Permission, name=name)
    query = HolderFilter.parse(request.GET)
    roles = list(Role.objects.filter(permissions=permission).with_user_count())
    named = query.value("role")
    page = None
    if request.user.has_perm(USER_READ):
        page = query.page_of(User.objects.visible_to(request.user).holding(permission))
    context = {
        "permission": permission,
        "roles": roles,
        "via": next((role.name for role in roles if role.slug == named), named),
        "query": query,
        "page": page,
        "crumbs": [("Permissions", reverse("permissions")), (permission.name, None)],
    }
    return render_page(request, "accounts/permission.html", context, fragment="accounts/_permission_users.html")
