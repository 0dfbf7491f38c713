"""The second step of a sign-in, and signing in with a passkey alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
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

#: Keys of the signed cookie: the sign-in that waits for its second step, and the challenge of this browser.
PENDING_LOGIN_KEY = "second_step"
CHALLENGE_KEY = "sign_in_challenge"
SECOND_STEP, PASSWORDLESS = "second step", "alone"


def redirect_to_second_step(
    request: Any, required: SecondFactorRequired, target: str, *, remember: bool
) -> HttpResponse:
    """Keep what the password proved in the browser's signed cookie; there is no session yet."""
    request.session[PENDING_LOGIN_KEY] = {"token": required.mfa_token, "next": target, "remember": remember}
    return redirect("verify")


@requires(PUBLIC)  # there is no session before this is done
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: Any) -> HttpResponse:
    """The page that asks for a code, a recovery code or a passkey."""
    pending = request.session.get(PENDING_LOGIN_KEY)
    if not pending or request.user.is_authenticated:
        return redirect("login")
    form = bind_form(CodeForm, request)
    if request.method == "POST" and form.is_valid():
        return _finish(request, pending, totp_or_recovery_code(form.cleaned_data["code"]), form)
    return _page(request, pending, form, UNPROCESSABLE if form.errors else 200)


@requires(PUBLIC)  # whoever signs in isn't signed in yet
@require_POST
def passkey_options(request: Any) -> HttpResponse:
    """What the browser asks its passkeys: those of the pending sign-in's user, or any of this site."""
    pending = request.session.get(PENDING_LOGIN_KEY)
    passed = (
        pending_login_token.parse(pending["token"]) if pending and request.POST.get("step") == SECOND_STEP else None
    )
    challenge = Challenge.new(SECOND_STEP if passed else PASSWORDLESS)
    request.session[CHALLENGE_KEY] = challenge.for_cookie()
    allowed = Passkey.objects.filter(user_id=passed.user_id) if passed else None
    return JsonResponse(webauthn.authentication_options(allowed, challenge.value))


@requires(PUBLIC)  # as above
@require_POST
def passkey(request: Any) -> HttpResponse:
    """A passkey's answer: the second step of the pending sign-in, or a whole sign-in without a password."""
    form = PasskeyAnswerForm(request.POST)
    kept = request.session.pop(CHALLENGE_KEY, None)
    pending = request.session.get(PENDING_LOGIN_KEY)
    answer = form.cleaned_data["answer"] if form.is_valid() else ""
    if pending and (challenge := Challenge.from_cookie(kept, SECOND_STEP)):
        return _finish(request, pending, passkey_assertion(answer, challenge), CodeForm())
    challenge = Challenge.from_cookie(kept, PASSWORDLESS)
    if challenge is None:
        return _back_to_login(request, "That took too long. Try again.")
    remember = bool(form.cleaned_data.get("remember"))
    try:
        session = login.sign_in_with_passkey(answer=answer, challenge=challenge, remember=remember)
    except TooManyAttempts as refusal:
        return _back_to_login(request, too_many_attempts_message(refusal))
    except DomainError:
        return _back_to_login(request, "This passkey doesn't open an account here. Sign in with your password.")
    return start_session(request, session, safe_next_url(request))


def _finish(request: Any, pending: dict[str, Any], check: Verifier, form: CodeForm) -> HttpResponse:
    try:
        opening = login.page_session_spec(remember=pending["remember"])
        session = login.finish_sign_in(mfa_token=pending["token"], check=check, opening=opening)
    except TokenInvalid:
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, "That took too long. Sign in again.")
    except TooManyAttempts as refusal:
        return _refused(
            request, pending, form, too_many_attempts_message(refusal), status=429, retry_after=refusal.retry_after
        )
    except InvalidFactor:
        return _refused(request, pending, form, "This code is wrong or was used before.")
    except DomainError:
        del request.session[PENDING_LOGIN_KEY]
        return _back_to_login(request, "The name or the password is wrong.")
    return start_session(request, session, pending["next"])


def _refused(
    request: Any, pending: dict[str, Any], form: CodeForm, sentence: str, status: int = UNPROCESSABLE, **headers: int
) -> HttpResponse:
    if not form.is_bound:
        form = CodeForm({})
        form.errors.clear()
        sentence = sentence.replace("This code is wrong or was used before.", "The passkey was not accepted.")
    form.add_error(None, sentence)
    page = _page(request, pending, form, status)
    if "retry_after" in headers:
        page["Retry-After"] = str(headers["retry_after"])
    return page


def _page(request: Any, pending: dict[str, Any], form: CodeForm, status: int) -> HttpResponse:
    passed = pending_login_token.parse(pending["token"])
    has_passkey = webauthn.is_available() and passed and Passkey.objects.filter(user_id=passed.user_id).exists()
    context = {"form": form, "has_passkey": has_passkey, "step": SECOND_STEP, "passkey_origin": webauthn.origin()}
    return render(request, "accounts/verify.html", context, status=status)


def _back_to_login(request: Any, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect("login")
