from collections.abc import Mapping
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from accounts.api_keys.filters import KeyFilter
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.tabs import own_page
from accounts.models import EmailChange
from accounts.notifications.link_session import stash_link, stashed_link
from accounts.profile import email_change
from accounts.sessions import services as session_services
from accounts.sessions.filters import OwnSessionFilter
from accounts.sessions.page_sessions import clear_site_data, end_page_session
from accounts.user_page.access_groups import access_groups
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, POST, PUBLIC, SAFE, SIGNED_IN, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, render_page

LINK_SESSION_KEY = "email_link"


class NewEmailForm(ServiceForm):
    email = forms.CharField(
        label="New e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class EndSessionsForm(ServiceForm):
    everywhere = forms.BooleanField(label="Sign out here too", required=False)
    revoke_keys = forms.BooleanField(label="Revoke my API keys too", required=False)


def _render_tab(request: PageRequest, tab: str, context: Mapping[str, object]) -> HttpResponse:
    shown = {"tab_template": f"accounts/user_page/_own_{tab}.html", "crumbs": [("Profile", None)], **context}
    page, fragment = "accounts/profile.html", "accounts/user_page/_page.html"
    return render_page(request, page, {**own_page(request.user, tab), **shown}, fragment=fragment)


@requires(SIGNED_IN, SAFE)
def show_profile(request: PageRequest) -> HttpResponse:
    context = {
        "roles": request.user.roles.all(),
        "new_email": EmailChange.objects.filter(user=request.user).first(),
    }
    return _render_tab(request, "overview", context)


@requires(SIGNED_IN, SAFE)
def show_own_access(request: PageRequest) -> HttpResponse:
    roles = list(request.user.roles.prefetch_related("permissions"))
    return _render_tab(request, "access", {"roles": roles, "access": access_groups(roles)})


@requires(SIGNED_IN, SAFE)
def show_own_sessions(request: PageRequest) -> HttpResponse:
    query = OwnSessionFilter.parse(request.GET)
    page = query.page_of(request.user.sessions.alive())
    return _render_tab(request, "sessions", {"query": query, "page": page, "session": request.page_session})


@requires(SIGNED_IN, SAFE)
def show_own_keys(request: PageRequest) -> HttpResponse:
    page = KeyFilter.parse(request.GET).page_of(request.user.api_keys.unrevoked())
    return _render_tab(request, "keys", {"key_page": page})


@requires(SIGNED_IN, POST)
def end_own_session(request: PageRequest, session_id: UUID) -> HttpResponse:
    session = get_object_or_404(request.user.sessions.alive(), pk=session_id)
    session_services.end_session(actor=request.user, session_id=session.pk)
    messages.success(request, "Session ended.")
    return redirect("own_sessions")


@requires(SIGNED_IN, FORM)
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
        return htmx_redirect(request, "own_sessions")
    context = {
        "others": request.user.sessions.alive().exclude(pk=request.page_session.pk).count(),
        "has_keys": request.user.api_keys.unrevoked().exists(),
        "crumbs": [("Profile", reverse("profile")), ("Sign out other sessions", None)],
    }
    page, fragment = "accounts/end_other_sessions.html", "accounts/_end_other_sessions.html"
    return render_form(request, page, form, context, fragment=fragment)


@requires(SIGNED_IN, FORM)
def change_email(request: PageRequest) -> HttpResponse:
    form = bind_form(NewEmailForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            requested = email_change.request_email_change(actor=request.user, email=form.cleaned_data["email"])
            messages.success(request, f"A link is on its way to {requested.address}. Open it to confirm the address.")
            return redirect("profile")
        except DomainError as refusal:
            form.add_refusal(refusal)
    crumbs = [("Profile", reverse("profile")), ("Change e-mail address", None)]
    return render_form(request, "accounts/change_email.html", form, {"crumbs": crumbs})


@requires(SIGNED_IN, POST)
def request_confirmation(request: PageRequest) -> HttpResponse:
    try:
        asked = email_change.request_confirmation(actor=request.user)
        messages.success(request, f"A link is on its way to {asked.address}. Open it to confirm the address.")
    except DomainError as refusal:
        form = ServiceForm(request.POST)
        form.add_refusal(refusal)
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("profile")


@requires(SIGNED_IN, POST)
def cancel_email_change(request: PageRequest) -> HttpResponse:
    email_change.cancel_email_change(actor=request.user)
    messages.success(request, "Your address stays as it is. The link that was mailed no longer works.")
    return redirect("profile")


@requires(PUBLIC, SAFE)  # the mail may be read on another device; the link itself is the proof
def open_email_link(request: HttpRequest, user: str, link_token: str) -> HttpResponse:
    # Nothing changes before the button of the next page is pressed: mail programs fetch links too.
    return stash_link(request, LINK_SESSION_KEY, "confirm_email", user, link_token)


@requires(PUBLIC, FORM)  # as above
def confirm_email(request: HttpRequest) -> HttpResponse:
    link = stashed_link(request, LINK_SESSION_KEY)
    change = email_change.find_email_change(**link)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        is_signed_in = request.user.is_authenticated  # known before the service asks for their password
        try:
            user = email_change.confirm_email_change(**link)
            del request.session[LINK_SESSION_KEY]
            sentence = f"The account {user.username} has the e-mail address {user.email} now."
            is_present = change is not None and change.is_present
            messages.success(request, f"Your address {user.email} is confirmed." if is_present else sentence)
            return redirect("profile" if is_signed_in else "login")
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, "accounts/confirm_email.html", form, {"asked": change})
