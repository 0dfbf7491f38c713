from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.notifications.link_session import stash_link, stashed_link
from accounts.profile import email_change
from accounts.profile.forms import NewEmailForm
from reprotech.core.exceptions import DomainError
from reprotech.web.access import PUBLIC, SIGNED_IN, requires
from reprotech.web.responses import bind_form, render_form

LINK_SESSION_KEY = "email_link"


@requires(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: PageRequest) -> HttpResponse:
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


@requires(SIGNED_IN)
@require_POST
def cancel(request: PageRequest) -> HttpResponse:
    email_change.cancel_email_change(actor=request.user)
    messages.success(request, "Your address stays as it is. The link that was mailed no longer works.")
    return redirect("profile")


@requires(PUBLIC)  # the mail may be read on another device; the link itself is the proof
@require_safe
def open_link(request: HttpRequest, user: str, link_token: str) -> HttpResponse:
    # Nothing changes before the button of the next page is pressed: mail programs fetch links too.
    return stash_link(request, LINK_SESSION_KEY, "confirm_email", user, link_token)


@requires(PUBLIC)  # as above
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    link = stashed_link(request, LINK_SESSION_KEY)
    change = email_change.find_email_change(**link)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        is_signed_in = request.user.is_authenticated  # known before the service asks for their password
        try:
            user = email_change.confirm_email_change(**link)
            del request.session[LINK_SESSION_KEY]
            messages.success(request, f"The account {user.username} has the e-mail address {user.email} now.")
            return redirect("profile" if is_signed_in else "login")
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, "accounts/confirm_email.html", form, {"asked": change})
