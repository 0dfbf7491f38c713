"""The page that asks signed-in users for their password or a passkey again."""

from urllib.parse import urlsplit

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.mfa import webauthn
from accounts.mfa.forms import PasskeyAnswerForm
from accounts.mfa.webauthn import Challenge
from accounts.passwords.forms import SESSION_IDS, ConfirmPasswordForm
from accounts.reauthentication.services import confirm_by_passkey
from accounts.sessions.page_sessions import apply_renewal
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, POST, SIGNED_IN_TO_ADD_FACTOR, requires
from reprotech.web.responses import (
    bind_form,
    go_on,
    is_session_dialog,
    render_form,
    safe_next_url,
    session_ready,
    with_next,
)

#: Key of the session cookie, and the purpose of its challenge.
CHALLENGE_KEY = "confirm_challenge"
CONFIRMATION = "confirmation"
#: URL names of downloads, and of the pages that offer them.
DOWNLOAD_PAGES = {"export_users": "users", "export_selected_users": "users", "export_events": "audit"}


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
def confirm_password(request: PageRequest) -> HttpResponse:
    form = bind_form(ConfirmPasswordForm, request, **_ids(request))
    return _confirmed(request) if form.confirm(request) else _page(request, form)


@requires(SIGNED_IN_TO_ADD_FACTOR, POST)
def passkey_options(request: PageRequest) -> HttpResponse:
    """A challenge for one's own passkeys."""
    challenge = Challenge.new(CONFIRMATION)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    return JsonResponse(webauthn.authentication_options(request.user.passkeys.all(), challenge.value))


@requires(SIGNED_IN_TO_ADD_FACTOR, POST)
def confirm_passkey(request: PageRequest) -> HttpResponse:
    challenge = Challenge.from_cookie(request.session.pop(CHALLENGE_KEY, None), CONFIRMATION)
    answered, form = PasskeyAnswerForm(request.POST), ConfirmPasswordForm({}, **_ids(request))
    form.errors.clear()  # no password was asked for
    if challenge is None or not answered.is_valid():
        form.add_error(None, "That took too long. Try again.")
        return _page(request, form)
    try:
        session = confirm_by_passkey(
            actor=request.user,
            session_id=request.page_session.pk,
            answer=answered.cleaned_data["answer"],
            challenge=challenge,
        )
    except DomainError as refusal:
        form.add_refusal(refusal)
        return _page(request, form)
    apply_renewal(request, session)
    return _confirmed(request)


def _ids(request: PageRequest) -> dict[str, str]:
    return {"auto_id": SESSION_IDS} if is_session_dialog(request) else {}


def _confirmed(request: PageRequest) -> HttpResponse:
    """On to where the question came from; in a dialog over a page, the page goes on by itself."""
    if is_session_dialog(request):
        return session_ready()
    target = safe_next_url(request, reverse("security"))
    download_page = _page_of_download(target)
    if not download_page:
        return go_on(request, target)
    # A download doesn't leave this page, which must not go on asking.
    context = {"file": target, "back": download_page, "crumbs": [("Your file", None)]}
    return render(request, "accounts/download_started.html", context)


def _page(request: PageRequest, form: ServiceForm) -> HttpResponse:
    target = safe_next_url(request, reverse("security"))
    context = {
        "next": target,
        "back": _page_of_download(target) or reverse("profile"),
        "sign_out": with_next(reverse("logout"), target),
        "session_form": form,
        **passkey_choice(request),
        "crumbs": [("Confirm your password", None)],
    }
    fragment = "accounts/_confirm_dialog.html" if is_session_dialog(request) else None
    return render_form(request, "accounts/confirm_password.html", form, context, fragment=fragment)


def passkey_choice(request: PageRequest) -> dict[str, object]:
    """What the page and the dialog need to offer a passkey in place of the password."""
    has_passkey = webauthn.is_available() and request.user.passkeys.exists()
    return {"has_passkey": has_passkey, "passkey_origin": webauthn.origin()}


def _page_of_download(target: str) -> str:
    """The page that offers the download at this address; "" for other addresses."""
    try:
        name = resolve(urlsplit(target).path).url_name
    except Resolver404:
        return ""
    return reverse(DOWNLOAD_PAGES[name]) if name in DOWNLOAD_PAGES else ""
