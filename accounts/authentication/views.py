"""Signing in and out, and one's password."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.authentication import login as authentication_login
from accounts.authentication.forms import LoginForm
from accounts.authentication.mfa_views import redirect_to_second_step
from accounts.common.shortcuts import too_many_attempts_message
from accounts.core.exceptions import SecondFactorRequired
from accounts.mfa import webauthn
from accounts.notifications.link_session import stash_link, stashed_link
from accounts.passwords import services as password_services
from accounts.passwords.forms import ChangePasswordForm, NewPasswordForm
from accounts.sessions.browser import clear_site_data, end_page_session, renew_page_session, start_session
from accounts.throttling import known_devices
from reprotech.core.exceptions import DomainError, ServerBusy, TooManyAttempts
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD, requires
from reprotech.web.responses import UNPROCESSABLE, bind_form, htmx_redirect, render_form, safe_next_url

LINK_KEY = "password_link"


@requires(PUBLIC)  # whoever signs in isn't signed in yet
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: Any) -> HttpResponse:
    """The sign-in page; whoever is signed in already goes on."""
    target = safe_next_url(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = bind_form(LoginForm, request)
    response = None
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            session = authentication_login.sign_in_to_pages(
                identifier=typed["username"], password=typed["password"], remember=typed["remember"]
            )
            return start_session(request, session, target)
        except SecondFactorRequired as required:
            return redirect_to_second_step(request, required, target, remember=typed["remember"])
        except DomainError as refusal:
            _show_refusal(form, refusal)
            response = refusal
    page = render(
        request,
        "accounts/login.html",
        {"form": form, "next": target, "has_passkeys": webauthn.is_available(), "passkey_origin": webauthn.origin()},
        status=_status(form, response),
    )
    if isinstance(response, TooManyAttempts):
        page["Retry-After"] = str(response.retry_after)
    return page


def _show_refusal(form: LoginForm, refusal: DomainError) -> None:
    if isinstance(refusal, ServerBusy):
        form.add_error(None, refusal.sentence)
    elif isinstance(refusal, TooManyAttempts):
        form.add_error(None, too_many_attempts_message(refusal))
    else:
        form.add_error(None, "The name or the password is wrong.")


def _status(form: Any, refusal: DomainError | None) -> int:
    if isinstance(refusal, TooManyAttempts):
        return refusal.status
    return UNPROCESSABLE if form.errors else 200


@requires(SIGNED_IN_TO_CHANGE_PASSWORD)
@require_http_methods(["GET", "HEAD", "POST"])
def logout(request: Any) -> HttpResponse:
    """Ask, then end the session."""
    if request.method != "POST":
        return render(request, "accounts/logout.html")
    end_page_session(request)
    messages.success(request, "You are signed out.")
    return clear_site_data(redirect("login"))


@requires(SIGNED_IN_TO_CHANGE_PASSWORD)
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: Any) -> HttpResponse:
    """One's own password."""
    form = bind_form(ChangePasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            user = password_services.change_password(
                actor=request.user,
                current_password=form.cleaned_data["current_password"],
                new_password=form.cleaned_data["new_password"],
                session_id=request.page_session.pk,
                revoke_keys=form.cleaned_data["revoke_keys"],
            )
            renew_page_session(request)
            messages.success(request, "Your password is changed. All your other sessions have ended.")
            response = htmx_redirect(request, "home")
            known_devices.remember_browser(response, user)
            return response
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "has_keys": request.user.api_keys.unrevoked().exists(),
        "crumbs": [("Profile", reverse("profile")), ("Change password", None)],
    }
    return render_form(request, "accounts/change_password.html", form, context)


@requires(PUBLIC)  # it only tells password managers where to go
@require_safe
def find_change_password(_request: Any) -> HttpResponse:
    """Where one changes one's password (W3C, "A Well-Known URL for Changing Passwords")."""
    return redirect("change_password")


@requires(PUBLIC)  # whoever has a link from an invitation or a reset has no password yet
@require_safe
def open_password_link(request: Any, user: str, link_token: str) -> HttpResponse:
    """Keep the link's token; nothing is spent before a password is chosen: mail programs look at links too."""
    return stash_link(request, LINK_KEY, "set_password_form", user, link_token)


@requires(PUBLIC)  # as above
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: Any) -> HttpResponse:
    """Choose a password with a link's token."""
    link = stashed_link(request, LINK_KEY)
    owner = password_services.owner_of_link(**link)
    form = bind_form(NewPasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            owner = password_services.set_password_by_link(**link, new_password=form.cleaned_data["new_password"])
            request.session.flush()
            messages.success(request, "Your password is set. Sign in with it.")
            response = redirect("login")
            # Strangers who go on guessing must not keep them from it.
            known_devices.remember_browser(response, owner)
            return response
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, "accounts/set_password.html", form, {"owner": owner})
