from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.common.requests import PageRequest
from accounts.core.text import humanize
from accounts.models import Permission, Role, User
from accounts.permissions import ROLE_READ, USER_READ
from accounts.roles.filters import HolderFilter
from reprotech.web.access import requires
from reprotech.web.responses import render_page


@requires(ROLE_READ)
@require_safe
def list_permissions(request: PageRequest) -> HttpResponse:
    permissions = Permission.objects.with_role_count()
    groups = [
        (humanize(resource), list(group)) for resource, group in groupby(permissions, key=lambda entry: entry.resource)
    ]
    context = {"groups": groups, "crumbs": [("Permissions", None)]}
    return render_page(request, "accounts/permission_list.html", context)


@requires(ROLE_READ)
@require_safe
def show_permission(request: PageRequest, name: str) -> HttpResponse:
    """A permission, the roles that give it and, for readers of users, the users who have it."""
    permission = get_object_or_404(Permission, name=name)
    query = HolderFilter.parse(request.GET)
    page = None
    if request.user.has_perm(USER_READ):
        page = query.page_of(User.objects.visible_to(request.user).holding(permission))
    context = {
        "permission": permission,
        "roles": Role.objects.filter(permissions=permission).with_user_count(),
        "query": query,
        "page": page,
        "crumbs": [("Permissions", reverse("permissions")), (permission.name, None)],
    }
    return render_page(request, "accounts/permission.html", context, fragment="accounts/_permission_users.html")
