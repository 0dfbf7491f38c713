"""Pages to sign in and sign out."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.authentication.forms import LoginForm
from accounts.authentication.login import sign_in_to_pages
from accounts.authentication.mfa_views import redirect_to_second_step
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import too_many_attempts_message
from accounts.core.exceptions import SecondFactorRequired
from accounts.mfa import webauthn
from accounts.sessions.browser import clear_site_data, end_page_session, start_session
from reprotech.core.exceptions import DomainError, ServerBusy, TooManyAttempts
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD, requires
from reprotech.web.responses import UNPROCESSABLE, bind_form, safe_next_url


@requires(PUBLIC)  # one isn't signed in yet
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = safe_next_url(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = bind_form(LoginForm, request)
    refusal = None
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            session = sign_in_to_pages(
                identifier=sent["username"], password=sent["password"], remember=sent["remember"]
            )
            return start_session(request, session, target)
        except SecondFactorRequired as required:
            return redirect_to_second_step(request, required, target, remember=sent["remember"])
        except DomainError as error:
            refusal = error
            form.refuse(_sentence(refusal))
    context = {
        "form": form,
        "next": target,
        "has_passkeys": webauthn.is_available(),
        "passkey_origin": webauthn.origin(),
    }
    status = UNPROCESSABLE if form.errors else 200
    page = render(request, "accounts/login.html", context, status=status)
    if isinstance(refusal, TooManyAttempts):
        page.status_code = refusal.status
        page["Retry-After"] = str(refusal.retry_after)
    return page


def _sentence(refusal: DomainError) -> str:
    if isinstance(refusal, ServerBusy):
        return refusal.sentence
    # One sentence for all other refusals: none shows whether the account exists.
    return (
        too_many_attempts_message(refusal)
        if isinstance(refusal, TooManyAttempts)
        else "Incorrect username or password."
    )


@requires(SIGNED_IN_TO_CHANGE_PASSWORD)
@require_http_methods(["GET", "HEAD", "POST"])
def logout(request: PageRequest) -> HttpResponse:
    # A GET ends nothing: browsers and scanners follow links by themselves.
    if request.method != "POST":
        return render(request, "accounts/logout.html")
    end_page_session(request)
    messages.success(request, "You are signed out.")
    return clear_site_data(redirect("login"))
