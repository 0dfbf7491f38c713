"""Pages to sign in, with a password and a second factor or with a passkey alone, and to sign out."""

from typing import TypedDict, cast
from urllib.parse import parse_qs, urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.authentication import login as login_services
from accounts.authentication.session_dialog import dialog_answer
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import too_many_attempts_message
from accounts.core.exceptions import InvalidFactor, SecondFactorRequired, TokenInvalid
from accounts.mfa import pending_login_token, webauthn
from accounts.mfa.forms import CodeForm, PasskeyAnswerForm, RecoveryCodeForm
from accounts.mfa.verification import Verifier, passkey_assertion, totp_or_recovery_code
from accounts.mfa.webauthn import Challenge
from accounts.models import Passkey, Session, TotpKey, User
from accounts.passwords.fields import MAX_IDENTIFIER_LENGTH, identifier_input, password_input
from accounts.passwords.forms import SESSION_IDS
from accounts.sessions.page_sessions import clear_site_data, end_page_session, start_session
from accounts.throttling import known_devices
from reprotech.core.exceptions import DomainError, TooManyAttempts
from reprotech.web.access import FORM, POST, PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD, requires
from reprotech.web.responses import (
    PROGRAMS_PATH,
    bind_form,
    go_on,
    is_session_dialog,
    program_at,
    render_form,
    request_origin,
    safe_next_url,
    with_next,
)

#: Keys of the session cookie.
PENDING_LOGIN_KEY = "second_step"
CHALLENGE_KEY = "sign_in_challenge"
#: Purposes of a challenge.
SECOND_STEP, PASSWORDLESS = "second step", "alone"
INCORRECT = "Incorrect username or password."


class PendingSignIn(TypedDict):
    """A sign-in after its first step, kept in the cookie: there is no session yet."""

    # Not where it leads to, which the pages carry: with a program's `state` it can be too long for a cookie.
    token: str
    remember: bool


class LoginForm(ServiceForm):
    username = identifier_input()
    password = password_input("Password", "current-password")
    remember = forms.BooleanField(required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        days = settings.REMEMBERED_SESSION_LIFETIME.days
        #: Whether the installation offers the choice.
        self.may_remember = days > 0
        self.fields["remember"].label = f"Keep me signed in for {days} day{'' if days == 1 else 's'} on this device"

    def focus_password(self) -> None:
        """Where the name is filled in already, as after a refusal."""
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["password"].widget.attrs["autofocus"] = True


@requires(PUBLIC, FORM)  # one isn't signed in yet
def login(request: HttpRequest) -> HttpResponse:
    target = safe_next_url(request)
    hint = _login_hint(target)
    if request.user.is_authenticated:
        return _signed_in_already(request, target)
    options = {"auto_id": SESSION_IDS} if is_session_dialog(request) else {}
    form = bind_form(LoginForm, request, initial={"username": hint}, **options)
    if form.is_valid():
        username, password, remember = (form.cleaned_data[name] for name in ("username", "password", "remember"))
        try:
            session = login_services.sign_in_to_pages(identifier=username, password=password, remember=remember)
            return _started(request, session, target)
        except SecondFactorRequired as required:
            request.session[PENDING_LOGIN_KEY] = PendingSignIn(token=required.mfa_token, remember=remember)
            return redirect(with_next(reverse("verify"), target))
        except TooManyAttempts as refusal:
            form.add_lockout(refusal)
        except DomainError:
            # One sentence for all other refusals: none shows whether the account exists.
            form.add_error(None, INCORRECT)
        form.focus_password()
    elif is_session_dialog(request) or (hint and not form.is_bound):  # the page fills the name in
        form.focus_password()
    context = {
        "next": target,
        "program": program_at(target),
        "forgot_password": with_next(reverse("forgot_password"), target),
        "has_passkeys": webauthn.is_available(),
        "passkey_origin": webauthn.origin(),
    }
    fragment = _in_dialog(request, "accounts/_login_dialog.html")
    return render_form(request, "accounts/login.html", form, context, fragment=fragment)


def _login_hint(target: str) -> str:
    """The name that a program expects to sign in (OpenID Connect Core, 3.1.2.1)."""
    if not target.startswith(PROGRAMS_PATH):
        return ""
    try:
        hint = parse_qs(urlsplit(target).query, max_num_fields=100).get("login_hint", [""])[0]
    except ValueError:
        return ""
    return hint if len(hint) <= MAX_IDENTIFIER_LENGTH and hint.isprintable() else ""


def _signed_in_already(request: HttpRequest, target: str) -> HttpResponse:
    """On to the target, unless another person's name was typed meanwhile: they must not go on in this one's name."""
    user, typed = cast("User", request.user), request.POST.get("username", "").strip().casefold()
    if is_session_dialog(request) or not typed or typed in {user.username.casefold(), user.email.casefold()}:
        return dialog_answer(request, user, go_on(request, target))
    return render(request, "accounts/other_account.html", {"next": target}, status=409)


@requires(PUBLIC, FORM)  # there is no session yet
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for a code, a recovery code or a passkey."""
    pending = request.session.get(PENDING_LOGIN_KEY)
    if not pending or request.user.is_authenticated:
        return redirect(with_next(reverse("login"), safe_next_url(request)))
    form = bind_form(RecoveryCodeForm if request.POST.get("is_recovery") else CodeForm, request)
    if form.is_valid():
        verifier = totp_or_recovery_code(form.cleaned_data["code"])
        return _finish(request, pending, verifier, form, "This code is wrong or was used before.")
    return _second_step_page(request, pending, form)


@requires(PUBLIC, POST)  # as above
def passkey_options(request: HttpRequest) -> HttpResponse:
    """A challenge for the passkeys of the pending sign-in's user, or for any of this site."""
    pending = request.session.get(PENDING_LOGIN_KEY) if request.POST.get("step") == SECOND_STEP else None
    login_token = pending_login_token.parse(pending["token"]) if pending else None
    challenge = Challenge.new(SECOND_STEP if login_token else PASSWORDLESS)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    # Only after the password: the list shows that the account has passkeys.
    allowed = Passkey.objects.filter(user_id=login_token.user_id) if login_token else None
    return JsonResponse(webauthn.authentication_options(allowed, challenge.value))


@requires(PUBLIC, POST)  # as above
def passkey(request: HttpRequest) -> HttpResponse:
    """Take a passkey's response, as the second step or for a whole sign-in without a password."""
    form = PasskeyAnswerForm(request.POST)
    # Removed whatever comes of it: each response needs a challenge of its own.
    stored = request.session.pop(CHALLENGE_KEY, None)
    pending = request.session.get(PENDING_LOGIN_KEY)
    answer = form.cleaned_data["answer"] if form.is_valid() else ""
    if pending and (challenge := Challenge.from_cookie(stored, SECOND_STEP)):
        code_form = CodeForm({})
        code_form.errors.clear()  # no code was asked for
        return _finish(
            request, pending, passkey_assertion(answer, challenge), code_form, "The passkey was not accepted."
        )
    challenge = Challenge.from_cookie(stored, PASSWORDLESS)
    if challenge is None:
        return _back_to_login(request, "That took too long. Try again.")
    remember = bool(form.cleaned_data.get("remember"))
    try:
        session = login_services.sign_in_with_passkey(answer=answer, challenge=challenge, remember=remember)
    except TooManyAttempts as refusal:
        return _back_to_login(request, too_many_attempts_message(refusal))
    except DomainError:
        # The same for an unknown passkey and a disabled account.
        return _back_to_login(request, "This passkey doesn't open an account here. Sign in with your password.")
    return _started(request, session, safe_next_url(request))


def _started(request: HttpRequest, session: Session, target: str) -> HttpResponse:
    start_session(request, session)
    response = go_on(request, target)
    known_devices.remember_browser(response, session.user)
    return dialog_answer(request, session.user, response)


def _in_dialog(request: HttpRequest, fragment: str) -> str | None:
    """The fragment, if it is asked for over a page: no other place has one of these pages."""
    return fragment if is_session_dialog(request) else None


def _finish(
    request: HttpRequest, pending: PendingSignIn, verifier: Verifier, form: ServiceForm, rejection: str
) -> HttpResponse:
    new = login_services.new_page_session(remember=pending["remember"])
    try:
        session = login_services.finish_sign_in(mfa_token=pending["token"], verifier=verifier, session=new)
        return _started(request, session, safe_next_url(request))
    except TokenInvalid:
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, "That took too long. Sign in again.")
    except TooManyAttempts as refusal:
        form.add_lockout(refusal)
    except InvalidFactor:
        form.add_error(None, rejection)
    except DomainError:
        # The account was disabled or changed meanwhile, which strangers must not learn.
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, INCORRECT)
    return _second_step_page(request, pending, form)


def _second_step_page(request: HttpRequest, pending: PendingSignIn, form: ServiceForm) -> HttpResponse:
    """Led by the methods that the person has, which the correct password entitles them to see."""
    token = pending_login_token.parse(pending["token"])
    user_id = token.user_id if token else 0  # of nobody
    is_recovery = isinstance(form, RecoveryCodeForm)
    context = {
        "has_passkey": webauthn.is_available() and Passkey.objects.filter(user_id=user_id).exists(),
        "has_app": TotpKey.objects.filter(user_id=user_id).exists(),
        "code_form": CodeForm() if is_recovery else form,
        "recovery_form": form if is_recovery else RecoveryCodeForm(),
        "is_recovery": is_recovery,
        "step": SECOND_STEP,
        "next": safe_next_url(request),
        "other_login": with_next(reverse("login"), safe_next_url(request)),
        "passkey_origin": webauthn.origin(),
        "passkeys_at": webauthn.local_origin(request_origin(request)),
    }
    fragment = _in_dialog(request, "accounts/_verify_dialog.html")
    return render_form(request, "accounts/verify.html", form, context, fragment=fragment)


def _back_to_login(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect(with_next(reverse("login"), safe_next_url(request)))


@requires(SIGNED_IN_TO_CHANGE_PASSWORD, FORM)
def logout(request: PageRequest) -> HttpResponse:
    # A GET ends nothing: browsers and scanners follow links by themselves.
    target = safe_next_url(request)
    if request.method != "POST":
        return render(request, "accounts/logout.html", {"next": target})
    end_page_session(request)
    messages.success(request, "You are signed out.")
    # Where someone else is to sign in and go on.
    return clear_site_data(redirect(with_next(reverse("login"), target)))
