"""Pages for the second step of a sign-in, and sign-in with a passkey alone."""

from typing import TypedDict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication import login
from accounts.common.shortcuts import too_many_attempts_message
from accounts.core.exceptions import InvalidFactor, SecondFactorRequired, TokenInvalid
from accounts.mfa import pending_login_token, webauthn
from accounts.mfa.forms import CodeForm, PasskeyAnswerForm
from accounts.mfa.verification import Verifier, passkey_assertion, totp_or_recovery_code
from accounts.mfa.webauthn_challenge import Challenge
from accounts.models import Passkey
from accounts.sessions.browser import start_session
from reprotech.core.exceptions import DomainError, TooManyAttempts
from reprotech.web.access import PUBLIC, requires
from reprotech.web.responses import UNPROCESSABLE, bind_form, safe_next_url

#: Keys of the session cookie.
PENDING_LOGIN_KEY = "second_step"
CHALLENGE_KEY = "sign_in_challenge"
SECOND_STEP, PASSWORDLESS = "second step", "alone"


class PendingSignIn(TypedDict):
    """A sign-in after its first step, kept in the cookie: there is no session yet."""

    token: str
    next: str
    remember: bool


def redirect_to_second_step(
    request: HttpRequest, required: SecondFactorRequired, target: str, *, remember: bool
) -> HttpResponse:
    request.session[PENDING_LOGIN_KEY] = PendingSignIn(token=required.mfa_token, next=target, remember=remember)
    return redirect("verify")


@requires(PUBLIC)  # there is no session yet
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for a code, a recovery code or a passkey."""
    pending = request.session.get(PENDING_LOGIN_KEY)
    if not pending or request.user.is_authenticated:
        return redirect("login")
    form = bind_form(CodeForm, request)
    if request.method == "POST" and form.is_valid():
        return _finish(request, pending, totp_or_recovery_code(form.cleaned_data["code"]), form)
    return _page(request, pending, form, UNPROCESSABLE if form.errors else 200)


@requires(PUBLIC)  # as above
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """A challenge for the passkeys of the pending sign-in's user, or for any of this site."""
    pending = request.session.get(PENDING_LOGIN_KEY) if request.POST.get("step") == SECOND_STEP else None
    login_token = pending_login_token.parse(pending["token"]) if pending else None
    challenge = Challenge.new(SECOND_STEP if login_token else PASSWORDLESS)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    # Only after the password: the list shows that the account has passkeys.
    allowed = Passkey.objects.filter(user_id=login_token.user_id) if login_token else None
    return JsonResponse(webauthn.authentication_options(allowed, challenge.value))


@requires(PUBLIC)  # as above
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Take a passkey's response, as the second step or for a whole sign-in without a password."""
    form = PasskeyAnswerForm(request.POST)
    # Removed whatever comes of it: each response needs a challenge of its own.
    stored = request.session.pop(CHALLENGE_KEY, None)
    pending = request.session.get(PENDING_LOGIN_KEY)
    answer = form.cleaned_data["answer"] if form.is_valid() else ""
    if pending and (challenge := Challenge.from_cookie(stored, SECOND_STEP)):
        return _finish(request, pending, passkey_assertion(answer, challenge), CodeForm())
    challenge = Challenge.from_cookie(stored, PASSWORDLESS)
    if challenge is None:
        return _back_to_login(request, "That took too long. Try again.")
    remember = bool(form.cleaned_data.get("remember"))
    try:
        session = login.sign_in_with_passkey(answer=answer, challenge=challenge, remember=remember)
    except TooManyAttempts as refusal:
        return _back_to_login(request, too_many_attempts_message(refusal))
    except DomainError:
        # The same for an unknown passkey and a disabled account.
        return _back_to_login(request, "This passkey doesn't open an account here. Sign in with your password.")
    return start_session(request, session, safe_next_url(request))


def _finish(request: HttpRequest, pending: PendingSignIn, verifier: Verifier, form: CodeForm) -> HttpResponse:
    try:
        spec = login.page_session_spec(remember=pending["remember"])
        session = login.finish_sign_in(mfa_token=pending["token"], verifier=verifier, spec=spec)
    except TokenInvalid:
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, "That took too long. Sign in again.")
    except TooManyAttempts as refusal:
        page = _refused(request, pending, form, too_many_attempts_message(refusal), refusal.status)
        page["Retry-After"] = str(refusal.retry_after)
        return page
    except InvalidFactor:
        is_code = form.is_bound
        sentence = "This code is wrong or was used before." if is_code else "The passkey was not accepted."
        return _refused(request, pending, form, sentence)
    except DomainError:
        # The account was disabled or changed meanwhile, which strangers must not learn.
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, "Incorrect username or password.")
    return start_session(request, session, pending["next"])


def _refused(
    request: HttpRequest, pending: PendingSignIn, form: CodeForm, sentence: str, status: int = UNPROCESSABLE
) -> HttpResponse:
    if not form.is_bound:
        form = CodeForm({})
        form.errors.clear()
    form.add_error(None, sentence)
    return _page(request, pending, form, status)


def _page(request: HttpRequest, pending: PendingSignIn, form: CodeForm, status: int) -> HttpResponse:
    token = pending_login_token.parse(pending["token"])
    has_passkey = webauthn.is_available() and token and Passkey.objects.filter(user_id=token.user_id).exists()
    context = {"form": form, "has_passkey": has_passkey, "step": SECOND_STEP, "passkey_origin": webauthn.origin()}
    return render(request, "accounts/verify.html", context, status=status)


def _back_to_login(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect("login")
