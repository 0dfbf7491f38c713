"""Pages to set up and remove one's own second factors."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from textwrap import wrap
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.tabs import own_page
from accounts.mfa import services as mfa_services
from accounts.mfa import totp, webauthn
from accounts.mfa.forms import AuthenticatorAppForm, NewPasskeyForm
from accounts.mfa.webauthn import Challenge
from accounts.models import TotpKey
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, POST, SAFE, SIGNED_IN_TO_ADD_FACTOR, requires
from reprotech.web.responses import (
    bind_form,
    go_on,
    render_form,
    request_origin,
    safe_next_url,
    with_next,
)

#: Key of the session cookie, and the purpose of its challenge.
CHALLENGE_KEY = "registration_challenge"
REGISTRATION = "registration"
KEYS_REVOKED = "Your API keys are revoked too."

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[PageRequest, Arguments], HttpResponse]


def requires_recent_authentication(view: View[Arguments]) -> View[Arguments]:
    """Have users confirm their password first, unless the session is fresh."""

    @wraps(view)
    def run(request: PageRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
        if not request.page_session.is_fresh:
            page = with_next(request.path, _target(request), reverse("security"))
            return redirect(with_next(reverse("confirm_password"), page))
        return view(request, *args, **kwargs)

    return run


def _target(request: PageRequest) -> str:
    """Where someone goes on who had to set up a second factor first; for others the security page."""
    return safe_next_url(request, reverse("security"))


@requires(SIGNED_IN_TO_ADD_FACTOR, SAFE)
def show_security(request: PageRequest) -> HttpResponse:
    target = _target(request)
    if target != reverse("security") and not request.user.must_add_factor:
        return go_on(request, target)
    context = {
        **_leading_to(target),
        "app": TotpKey.objects.filter(user=request.user).first(),
        "passkeys": request.user.passkeys.all(),
        "codes_left": request.user.recovery_codes.count(),
        "is_required": request.user.roles.filter(requires_factor=True).exists(),
        "may_have_passkeys": webauthn.is_available(),
        "passkeys_at": webauthn.local_origin(request_origin(request)),
        "crumbs": _crumbs(),
        **own_page(request.user, "security"),
        "tab_template": "accounts/user_page/_own_security.html",
    }
    return render(request, "accounts/mfa_settings.html", context)


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
@requires_recent_authentication
def add_app(request: PageRequest) -> HttpResponse:
    """Show a new secret as QR code, and take the app's first code."""
    user, form = request.user, bind_form(AuthenticatorAppForm, request)
    secret = totp.unpack_pending_secret(form["offer"].value() or "", user.pk) if form.is_bound else None
    if request.method == "POST" and form.is_valid():
        if secret is None:
            form.add_error(None, "That took too long. Here is a new key: scan it again.")
        else:
            code, session_id = "".join(form.cleaned_data["code"].split()), request.page_session.pk
            try:
                codes = mfa_services.add_authenticator_app(actor=user, session_id=session_id, key=secret, code=code)
                return _done(request, "Your authenticator app is set up.", codes)
            except DomainError as refusal:
                form.add_refusal(refusal)
    # After a wrong code the same one: the phone has scanned it already.
    secret = secret or totp.generate_secret()
    context = {
        "offer": totp.pack_pending_secret(secret, user.pk),
        "key": " ".join(wrap(secret, 4)),
        "qr_code": totp.qr_code(totp.provisioning_uri(secret, user.username)),
        "crumbs": _crumbs("Set up an authenticator app"),
        **_leading_to(_target(request)),
    }
    return render_form(request, "accounts/totp_setup.html", form, context)


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
@requires_recent_authentication
def add_passkey(request: PageRequest) -> HttpResponse:
    """Name a passkey or security key, which `passkeys.js` has the browser create."""
    form = bind_form(NewPasskeyForm, request)
    if request.method == "POST":
        challenge = Challenge.from_cookie(request.session.pop(CHALLENGE_KEY, None), REGISTRATION)
        if form.is_valid() and challenge is None:
            form.add_error(None, "The passkey could not be set up, or that took too long. Try again.")
        elif form.is_valid() and challenge:
            try:
                codes = mfa_services.add_passkey(
                    actor=request.user, session_id=request.page_session.pk, challenge=challenge, **form.cleaned_data
                )
                return _done(request, "Your passkey is set up.", codes)
            except DomainError as refusal:
                form.add_refusal(refusal)
    context = {
        "may_have_passkeys": webauthn.is_available(),
        "passkey_origin": webauthn.origin(),
        "passkeys_at": webauthn.local_origin(request_origin(request)),
        "crumbs": _crumbs("Add a passkey"),
        **_leading_to(_target(request)),
    }
    return render_form(request, "accounts/add_passkey.html", form, context)


@requires(SIGNED_IN_TO_ADD_FACTOR, POST)
@requires_recent_authentication
def passkey_options(request: PageRequest) -> HttpResponse:
    """The challenge and options of a registration, for the browser."""
    challenge = Challenge.new(REGISTRATION)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    user = request.user
    return JsonResponse(webauthn.registration_options(user, user.passkeys.all(), challenge.value))


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
@requires_recent_authentication
def remove_app(request: PageRequest) -> HttpResponse:
    get_object_or_404(TotpKey, user=request.user)
    consequence = f"Its codes stop working. Delete the entry in the app too. {KEYS_REVOKED}"
    context = {"what": "the authenticator app", "consequence": consequence, "crumbs": _crumbs("Remove")}
    remove = mfa_services.remove_authenticator_app
    return _confirm(request, "accounts/mfa_remove.html", context, remove, "Your authenticator app is removed.")


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
@requires_recent_authentication
def remove_passkey(request: PageRequest, passkey_id: int) -> HttpResponse:
    name = get_object_or_404(request.user.passkeys.all(), pk=passkey_id).name
    consequence = f"It can't be used to sign in any more. {KEYS_REVOKED}"
    context = {"what": f"the passkey {name}", "consequence": consequence, "crumbs": _crumbs("Remove")}
    remove = partial(mfa_services.remove_passkey, passkey_id=passkey_id)
    return _confirm(request, "accounts/mfa_remove.html", context, remove, f"The passkey {name} is removed.")


@requires(SIGNED_IN_TO_ADD_FACTOR, FORM)
@requires_recent_authentication
def renew_codes(request: PageRequest) -> HttpResponse:
    page, context = "accounts/recovery_codes_regenerate.html", {"crumbs": _crumbs("New recovery codes")}
    return _confirm(request, page, context, mfa_services.renew_recovery_codes, "You have new recovery codes.")


def _confirm(
    request: PageRequest,
    page: str,
    context: Mapping[str, object],
    service: Callable[..., list[str] | None],
    message: str,
) -> HttpResponse:
    """Ask, and then change the user's second factors."""
    form = bind_form(ServiceForm, request)
    if form.is_valid():
        try:
            return _done(request, message, service(actor=request.user, session_id=request.page_session.pk))
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, page, form, context)


def _done(request: PageRequest, message: str, codes: list[str] | None = None) -> HttpResponse:
    """Back to the security page or, this once, a page with the new recovery codes."""
    if codes:
        # Not a redirect: the codes would have to be stored until the next request.
        crumbs = _crumbs("Recovery codes")
        context = {"sentence": message, "codes": codes, "crumbs": crumbs, **_leading_to(_target(request))}
        return render(request, "accounts/recovery_codes.html", context)
    messages.success(request, message)
    return redirect(with_next(reverse("security"), _target(request), reverse("security")))


def _leading_to(target: str) -> dict[str, str]:
    """For templates: `next`, "" on the way to no other page, and as the query of a link."""
    security = reverse("security")
    return {"next": "" if target == security else target, "next_query": with_next("", target, security)}


def _crumbs(step: str = "") -> list[tuple[str, str | None]]:
    security = ("Two-factor authentication", reverse("security") if step else None)
    return [("Profile", reverse("profile")), security, *([(step, None)] if step else [])]
