"""The reader's saved views of the list of users."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.models import Role
from accounts.permissions import USER_READ
from accounts.user_list.filters import UserFilter
from audit.models import SavedFilter
from audit.saved_filters import InvalidSavedFilter, ViewedList, delete_filter, save_filter, saved_filters
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import POST, requires
from reprotech.web.responses import safe_next_url

USERS = ViewedList("users", USER_READ)


def saved_views(user_id: int) -> list[SavedFilter]:
    """Views of the list, each with its `problem`: a role that is gone is one, as is a filter."""
    views = saved_filters(user_id, UserFilter.parse, USERS)
    if not any("role=" in view.query for view in views):
        return views
    names = {name.lower() for role in Role.objects.all() for name in (role.name, role.slug)}
    for view in views:
        role = QueryDict(view.query).get("role", "")
        if role and role.lower() not in names and not view.problem:
            view.problem = f"there is no role {role} any more"
    return views


@requires(USER_READ, POST)
def save_view(request: PageRequest) -> HttpResponse:
    try:
        query = UserFilter.parse(QueryDict(request.POST.get("query", ""))).address
        kept = save_filter(actor=request.user, name=request.POST.get("name", ""), query=query, viewed=USERS)
    except ValidationFailed:
        messages.error(request, "These filters can't be saved: correct them first.")
    except InvalidSavedFilter as refusal:
        messages.error(request, f"The view wasn't saved. {refusal.message}")
    else:
        messages.success(request, f"View {kept.name} saved.")
        return redirect(f"{reverse('users')}?{kept.query}")
    return redirect(safe_next_url(request, reverse("users")))


@requires(USER_READ, POST)
def delete_view(request: PageRequest, filter_id: int) -> HttpResponse:
    if delete_filter(actor=request.user, filter_id=filter_id, viewed=USERS):
        messages.success(request, "View removed. The users stay.")
    return redirect("users")
