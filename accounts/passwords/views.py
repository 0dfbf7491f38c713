"""Pages to change, set and reset one's password."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.core.period_notices import described_start
from accounts.models import User
from accounts.notifications.link_session import stash_link, stashed_link
from accounts.passwords import services as password_services
from accounts.passwords.forms import ChangePasswordForm, ForgottenPasswordForm, NewPasswordForm
from accounts.passwords.reset import request_reset
from accounts.sessions.page_sessions import renew_page_session
from accounts.throttling import known_devices
from reprotech.core.exceptions import DomainError, TooManyAttempts
from reprotech.web.access import FORM, PUBLIC, SAFE, SIGNED_IN_TO_CHANGE_PASSWORD, requires
from reprotech.web.responses import bind_form, go_on, render_form, safe_next_url, with_next

#: Keys of the session cookie: the link, and where its owner wanted to go when they asked for it.
LINK_KEY, TARGET_KEY = "password_link", "after_password_link"
#: Of a cookie that browsers take, the rest stays free.
MAX_STORED_TARGET_LENGTH = 1_500


@requires(SIGNED_IN_TO_CHANGE_PASSWORD, FORM)
def change_password(request: PageRequest) -> HttpResponse:
    target = safe_next_url(request)
    form = bind_form(ChangePasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            user = password_services.change_password(
                actor=request.user, session_id=request.page_session.pk, **form.cleaned_data
            )
            renew_page_session(request)
            messages.success(request, "Password changed. All your other sessions have ended.")
            response = go_on(request, target)
            known_devices.remember_browser(response, user)
            return response
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "next": target,
        "has_keys": request.user.api_keys.unrevoked().exists(),
        "crumbs": [("Profile", reverse("profile")), ("Change password", None)],
    }
    return render_form(request, "accounts/change_password.html", form, context)


@requires(PUBLIC, SAFE)  # it only directs password managers
def find_change_password(_request: HttpRequest) -> HttpResponse:
    """`/.well-known/change-password` (W3C, "A Well-Known URL for Changing Passwords")."""
    return redirect("change_password")


@requires(PUBLIC, SAFE)  # the link of an invitation or a reset stands for the password
def open_password_link(request: HttpRequest, user: str, link_token: str) -> HttpResponse:
    # The token is used up only when a password is chosen: mail programs open links too.
    return stash_link(request, LINK_KEY, "set_password_form", user, link_token)


@requires(PUBLIC, FORM)  # as above
def set_password(request: HttpRequest) -> HttpResponse:
    link = stashed_link(request, LINK_KEY)
    owner = password_services.owner_of_link(**link)
    form = bind_form(NewPasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            owner = password_services.set_password_by_link(**link, **form.cleaned_data)
            target = request.session.get(TARGET_KEY, "/")
            request.session.flush()
            messages.success(request, f"Your password is set. {_when_to_sign_in(owner)}")
            response = redirect(with_next(reverse("login"), target))
            # Otherwise strangers' continued attempts could keep the owner from signing in.
            known_devices.remember_browser(response, owner)
            return response
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, "accounts/set_password.html", form, {"owner": owner})


def _when_to_sign_in(owner: User) -> str:
    if owner.is_pending and owner.starts_at:
        return f"You can sign in with it from {described_start(owner.starts_at)}."
    return "Sign in with it."


@requires(PUBLIC, FORM)  # without a password one can't sign in
def forgot_password(request: HttpRequest) -> HttpResponse:
    """The response is the same whether or not there is an account."""
    form, target = bind_form(ForgottenPasswordForm, request), safe_next_url(request)
    if form.is_valid():
        try:
            request_reset(typed=form.cleaned_data["username"])
            _remember_target(request, target)
            return redirect(with_next(reverse("forgot_password_sent"), target))
        except TooManyAttempts as refusal:
            form.add_lockout(refusal)
    context = {"next": target, "login": with_next(reverse("login"), target)}
    return render_form(request, "accounts/forgot_password.html", form, context)


def _remember_target(request: HttpRequest, target: str) -> None:
    # For the link in the mail, if it is opened in this browser.
    request.session.pop(TARGET_KEY, None)
    if target != "/" and len(target) <= MAX_STORED_TARGET_LENGTH:
        request.session[TARGET_KEY] = target


@requires(PUBLIC, SAFE)  # as above
def forgot_password_sent(request: HttpRequest) -> HttpResponse:
    login = with_next(reverse("login"), safe_next_url(request))
    return render(request, "accounts/forgot_password_sent.html", {"login": login})
