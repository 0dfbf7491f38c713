from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.common.requests import PageRequest
from accounts.models import EmailChange
from accounts.profile.forms import EndSessionsForm
from accounts.roles.permission_matrix import PermissionMatrix
from accounts.sessions import services as session_services
from accounts.sessions.filters import OwnSessionFilter
from accounts.sessions.page_sessions import clear_site_data, end_page_session
from reprotech.web.access import SIGNED_IN, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, render_page


@requires(SIGNED_IN)
@require_safe
def show_profile(request: PageRequest) -> HttpResponse:
    query = OwnSessionFilter.parse(request.GET)
    context = {
        "query": query,
        "page": query.page_of(request.user.sessions.alive()),
        "session": request.page_session,
        "keys": request.user.api_keys.unrevoked().with_maker(),
        "roles": request.user.roles.all(),
        "new_email": EmailChange.objects.filter(user=request.user).first(),
        "matrix": PermissionMatrix.of(request.user.grants.permissions),
        "crumbs": [("Profile", None)],
    }
    return render_page(request, "accounts/profile.html", context, fragment="accounts/_own_sessions.html")


@requires(SIGNED_IN)
@require_POST
def end_own_session(request: PageRequest, session_id: UUID) -> HttpResponse:
    session = get_object_or_404(request.user.sessions.alive(), pk=session_id)
    session_services.end_session(actor=request.user, session_id=session.pk)
    messages.success(request, "Session ended.")
    return redirect("profile")


@requires(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def end_other_sessions(request: PageRequest) -> HttpResponse:
    """End all of one's own sessions but this one or, if chosen, this one too."""
    form = bind_form(EndSessionsForm, request)
    if request.method == "POST" and form.is_valid():
        ended = session_services.end_other_sessions(
            actor=request.user,
            session_id=request.page_session.pk,
            revoke_keys=form.cleaned_data["revoke_keys"],
        )
        if form.cleaned_data["everywhere"]:
            end_page_session(request)
            messages.success(request, "You are signed out everywhere.")
            return clear_site_data(htmx_redirect(request, "login"))
        messages.success(
            request, f"Signed out of {ended} other session{'' if ended == 1 else 's'}. You stay signed in here."
        )
        return htmx_redirect(request, "profile")
    others = request.user.sessions.alive().exclude(pk=request.page_session.pk).count()
    context = {
        "others": others,
        "has_keys": request.user.api_keys.unrevoked().exists(),
        "crumbs": [("Profile", reverse("profile")), ("Sign out other sessions", None)],
    }
    page, fragment = "accounts/end_other_sessions.html", "accounts/_end_other_sessions.html"
    return render_form(request, page, form, context, fragment=fragment)
