"""One's own second factors."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, resolve, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.mfa import services as mfa_services
from accounts.mfa import totp, webauthn
from accounts.mfa.forms import AuthenticatorAppForm, ConfirmPasswordForm, NewPasskeyForm
from accounts.mfa.webauthn_challenge import Challenge
from accounts.models import TotpKey
from accounts.passwords.page_sessions import confirm_page_session
from reprotech.core.exceptions import DomainError
from reprotech.web.access import SIGNED_IN_TO_ADD_FACTOR, requires
from reprotech.web.responses import bind_form, render_form, safe_next_url

#: Key of the signed cookie, and what its challenge is for.
CHALLENGE_KEY = "registration_challenge"
REGISTRATION = "registration"
#: Addresses of files, by name, and the pages that they are fetched from.
DOWNLOAD_PAGES = {"export_users": "users", "export_selected_users": "users", "export_events": "audit"}

KEYS_REVOKED = "Your API keys are revoked too."

View = Callable[..., HttpResponse]


def requires_recent_authentication(view: View) -> View:
    """Let a view run only in a session that is fresh; send everybody else to confirm their password first."""

    @wraps(view)
    def run(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.page_session.is_fresh:
            return redirect(f"{reverse('confirm_password')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    return run


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_safe
def show_security(request: PageRequest) -> HttpResponse:
    """The factors that one has, and what may be done with them."""
    context = {
        "app": TotpKey.objects.filter(user=request.user).first(),
        "passkeys": request.user.passkeys.all(),
        "codes_left": request.user.recovery_codes.count(),
        "is_required": request.user.roles.filter(requires_factor=True).exists(),
        "may_have_passkeys": webauthn.is_available(),
        "crumbs": _crumbs(),
    }
    return render(request, "accounts/security.html", context)


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_password(request: PageRequest) -> HttpResponse:
    """One's password, before something that guards accounts is opened."""
    form = bind_form(ConfirmPasswordForm, request)
    target = safe_next_url(request, reverse("security"))
    back = _page_of_download(target)
    if request.method == "POST" and form.is_valid():
        try:
            confirm_page_session(request, form.cleaned_data["password"])
            if back:
                # A file leaves the page where it is: it must be one that doesn't ask any more.
                context = {"file": target, "back": back, "crumbs": [("Your file", None)]}
                return render(request, "accounts/file_ready.html", context)
            return redirect(target)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"next": target, "back": back or reverse("profile"), "crumbs": [("Confirm your password", None)]}
    return render_form(request, "accounts/confirm_password.html", form, context)


def _page_of_download(target: str) -> str:
    """The page that a file is fetched from; "" if there is no file at this address."""
    try:
        name = resolve(urlsplit(target).path).url_name
    except Resolver404:
        return ""
    return reverse(DOWNLOAD_PAGES[name]) if name in DOWNLOAD_PAGES else ""


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@requires_recent_authentication
def add_app(request: PageRequest) -> HttpResponse:
    """Show an authenticator app its key, and take the first code."""
    form = bind_form(AuthenticatorAppForm, request)
    me = request.user
    key = totp.unpack_pending_secret(form["offer"].value(), me.pk) if form.is_bound and form["offer"].value() else None
    if request.method == "POST" and form.is_valid():
        if key is None:
            form.add_error(None, "That took too long. Here is a new key: scan it again.")
        else:
            return _apply(request, form, lambda: _add_app(request, key, form.cleaned_data["code"]), _app_page)
    return _app_page(request, form)


def _add_app(request: PageRequest, key: str, code: str) -> HttpResponse:
    codes = mfa_services.add_authenticator_app(
        actor=request.user, session_id=request.page_session.pk, key=key, code="".join(code.split())
    )
    return _done(request, "Your authenticator app is set up.", codes)


def _app_page(request: PageRequest, form: Any) -> HttpResponse:
    me = request.user
    key = (
        totp.unpack_pending_secret(form["offer"].value() or "", me.pk) if form.is_bound else None
    ) or totp.generate_secret()
    context = {
        "offer": totp.pack_pending_secret(key, me.pk),
        "key": totp.grouped(key),
        "qr_code": totp.qr_code(totp.provisioning_uri(key, me.username)),
        "crumbs": _crumbs("Set up an authenticator app"),
    }
    return render_form(request, "accounts/add_app.html", form, context)


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@requires_recent_authentication
def add_passkey(request: PageRequest) -> HttpResponse:
    """Name a passkey or security key; `passkeys.js` has the browser make it."""
    form = bind_form(NewPasskeyForm, request)
    if request.method == "POST":
        challenge = Challenge.from_cookie(request.session.pop(CHALLENGE_KEY, None), REGISTRATION)
        if form.is_valid() and challenge is None:
            form.add_error(None, "The passkey could not be set up, or that took too long. Try again.")
        elif form.is_valid():
            return _apply(request, form, lambda: _add_passkey(request, challenge, form.cleaned_data), _passkey_page)
    return _passkey_page(request, form)


def _add_passkey(request: PageRequest, challenge: Any, typed: dict[str, Any]) -> HttpResponse:
    codes = mfa_services.add_passkey(
        actor=request.user, session_id=request.page_session.pk, challenge=challenge, **typed
    )
    return _done(request, "Your passkey is set up.", codes)


def _passkey_page(request: PageRequest, form: Any) -> HttpResponse:
    context = {
        "may_have_passkeys": webauthn.is_available(),
        "passkey_origin": webauthn.origin(),
        "crumbs": _crumbs("Add a passkey"),
    }
    return render_form(request, "accounts/add_passkey.html", form, context)


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_POST
@requires_recent_authentication
def passkey_options(request: PageRequest) -> HttpResponse:
    """What the browser is to make."""
    challenge = Challenge.new(REGISTRATION)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    me = request.user
    return JsonResponse(webauthn.registration_options(me, me.passkeys.all(), challenge.value))


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@requires_recent_authentication
def remove_app(request: PageRequest) -> HttpResponse:
    """Ask, then forget the authenticator app."""
    get_object_or_404(TotpKey, user=request.user)

    def remove() -> HttpResponse:
        mfa_services.remove_authenticator_app(actor=request.user, session_id=request.page_session.pk)
        return _done(request, "Your authenticator app is removed.")

    return _confirm_removal(
        request,
        "the authenticator app",
        f"Its codes stop working. Delete the entry in the app too. {KEYS_REVOKED}",
        remove,
    )


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@requires_recent_authentication
def remove_passkey(request: PageRequest, passkey_id: int) -> HttpResponse:
    """Ask, then forget a passkey."""
    passkey = get_object_or_404(request.user.passkeys.all(), pk=passkey_id)

    def remove() -> HttpResponse:
        mfa_services.remove_passkey(actor=request.user, session_id=request.page_session.pk, passkey_id=passkey.pk)
        return _done(request, f"The passkey {passkey.name} is removed.")

    return _confirm_removal(
        request, f"the passkey {passkey.name}", f"It can't be used to sign in any more. {KEYS_REVOKED}", remove
    )


@requires(SIGNED_IN_TO_ADD_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@requires_recent_authentication
def renew_codes(request: PageRequest) -> HttpResponse:
    """Ask, then make new recovery codes and show them."""
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        return _apply(request, form, lambda: _renew(request), _renew_page)
    return _renew_page(request, form)


def _renew(request: PageRequest) -> HttpResponse:
    codes = mfa_services.renew_recovery_codes(actor=request.user, session_id=request.page_session.pk)
    return _done(request, "You have new recovery codes.", codes)


def _renew_page(request: PageRequest, form: ServiceForm) -> HttpResponse:
    return render_form(request, "accounts/renew_codes.html", form, {"crumbs": _crumbs("New recovery codes")})


def _confirm_removal(
    request: PageRequest, what: str, consequence: str, remove: Callable[[], HttpResponse]
) -> HttpResponse:
    form = bind_form(ServiceForm, request)

    def page(request: PageRequest, form: ServiceForm) -> HttpResponse:
        context = {"what": what, "consequence": consequence, "crumbs": _crumbs("Remove")}
        return render_form(request, "accounts/remove_factor.html", form, context)

    return _apply(request, form, remove, page) if request.method == "POST" and form.is_valid() else page(request, form)


def _apply(
    request: PageRequest,
    form: Any,
    change: Callable[[], HttpResponse],
    page: Callable[[PageRequest, Any], HttpResponse],
) -> HttpResponse:
    """What the change answers, or the page that asked for it with the refusal on it."""
    try:
        return change()
    except DomainError as refusal:
        form.add_refusal(refusal)
        return page(request, form)


def _done(request: PageRequest, sentence: str, codes: list[str] | None = None) -> HttpResponse:
    """Back to the list or, this once, the page with the new recovery codes."""
    if codes:
        context = {"sentence": sentence, "codes": codes, "crumbs": _crumbs("Recovery codes")}
        return render(request, "accounts/recovery_codes.html", context)
    messages.success(request, sentence)
    return redirect("security")


def _crumbs(step: str = "") -> list[tuple[str, str | None]]:
    trail: list[tuple[str, str | None]] = [("Profile", reverse("profile"))]
    if not step:
        return [*trail, ("Second factor", None)]
    return [*trail, ("Second factor", reverse("security")), (step, None)]
