"""`/oauth/authorize`: sends a person back to an application with a code, after all that has to come first.

It is public and decides by itself: programs ask it in hidden frames and before anybody is signed in, and expect their
own errors. There is no page of consent: the applications are the laboratory's own, and roles say who may open them.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidRequestError
from authlib.oidc.core.errors import InteractionRequiredError, LoginRequiredError
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.access.middleware import REQUIRED_ACTION_VIEWS
from accounts.access.one_time import consume
from accounts.access.required_actions import required_action_for
from accounts.access.role_requests import RoleRequests
from accounts.models import Session, User
from accounts.throttling import rate_limits
from reprotech.web.access import PUBLIC, SIGNED_IN, requires
from reprotech.web.errors import error_response
from reprotech.web.responses import with_next
from sso.provider.authorization.request import (
    MAX_QUERY_LENGTH,
    AuthorizationRequest,
    Client,
    NotAnswerable,
    find_client,
    read_request,
)
from sso.provider.id_tokens import read_hint
from sso.provider.parameters import parse_parameters, read_form
from sso.sign_ins.secrets import CODE_PREFIX, new_secret
from sso.sign_ins.services import open_sign_in, record_refusal

#: Our own parameter: the moment at which a person was asked to authenticate for this request, signed. It counts only in
#: the browser in which they were, which is known by a cookie: else a link with one of a stranger's would spare them it.
ASKED = "reprotech_asked"
ASKED_COOKIE = f"{settings.COOKIE_PREFIX}reprotech_asked"
ASKED_SECONDS = 900
BROWSER_BYTES = 32
BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
SIGNER = Signer(salt="sso.authorize")
REFUSED = "This application can't sign you in"
ADVICE = (
    "Nothing was sent to it. Go back and try again; if it stays like this, tell the people who run the application."
)


@csrf_exempt  # a POST does nothing but become a GET: OpenID Connect lets programs send either
@requires(PUBLIC, ("GET", "POST"))  # as above; not HEAD, which must have no effect
def authorize(request: HttpRequest) -> HttpResponse:
    try:
        if request.method == "POST":
            # The cookie of a session isn't sent with another site's form, but with the redirect.
            return _redirect(f"{reverse('oauth_authorize')}?{_checked(urlencode(read_form(request).values))}")
        parameters = parse_parameters(_checked(request.META.get("QUERY_STRING", "")))
        _checked(urlencode(parameters.values))
        client = find_client(parameters)
    except NotAnswerable as refusal:
        return _refusal_page(request, refusal.sentence)
    except InvalidRequestError as error:
        return _refusal_page(request, error.description)
    try:
        return _answer(request, read_request(parameters, client))
    except OAuth2Error as error:
        return _redirect(client.refusal(error))


def _checked(query: str) -> str:
    if len(query) > MAX_QUERY_LENGTH:
        raise NotAnswerable("The application sent more than a sign-in needs.")
    return query


def _answer(request: HttpRequest, asked: AuthorizationRequest) -> HttpResponse:
    session: Session | None = request.page_session or None  # type: ignore[attr-defined]
    if session is None:
        return _ask(request, asked, LoginRequiredError, reverse("login"))
    user = session.user
    if asked.id_token_hint and not _is_about(asked, session):
        raise LoginRequiredError("Another person is signed in.")
    if action := required_action_for(user, SIGNED_IN):
        return _ask(request, asked, InteractionRequiredError, reverse(REQUIRED_ACTION_VIEWS[action]))
    asked_at = _asked_at(request, asked)
    if _must_authenticate(asked, session, asked_at):
        return _ask(request, asked, LoginRequiredError, reverse("confirm_password"))
    if not asked.client.application.is_open_to(user):
        return _denied(request, asked, session)
    return _send_code(asked, session)


def _send_code(asked: AuthorizationRequest, session: Session) -> HttpResponse:
    rate_limits.count("authorize", str(session.pk))
    code = new_secret(CODE_PREFIX)
    open_sign_in(
        application=asked.client.application,
        session=session,
        code=code,
        scope=asked.scope,
        nonce=asked.nonce,
        redirect_uri=asked.client.redirect_uri,
        code_challenge=asked.code_challenge,
    )
    return _redirect(asked.client.code_address(code))


def _ask(request: HttpRequest, asked: AuthorizationRequest, silent: type[OAuth2Error], page: str) -> HttpResponse:
    """Send the person to one of our pages, and from there back here; tell the client if no page may be shown."""
    if asked.is_silent:
        raise silent
    # The one that is there serves requests in two tabs.
    browser = _browser_of(request) or secrets.token_urlsafe(BROWSER_BYTES)
    signature = SIGNER.sign(f"{_digest(asked, browser)}.{int(timezone.now().timestamp())}")
    values = {name: value for name, value in asked.values.items() if name != ASKED}
    # The page fills in the name of the login_hint, which it finds in the address.
    response = redirect(with_next(page, _own_address({**values, ASKED: signature})))
    response.set_cookie(
        ASKED_COOKIE, browser, max_age=ASKED_SECONDS, secure=settings.SSL_REQUIRED, httponly=True, samesite="Lax"
    )
    return response


def _browser_of(request: HttpRequest) -> str:
    value = request.COOKIES.get(ASKED_COOKIE, "")
    return value if BROWSER.fullmatch(value) else ""


def _must_authenticate(asked: AuthorizationRequest, session: Session, asked_at: int) -> bool:
    confirmed_at = session.confirmed_at.timestamp() if session.confirmed_at else 0
    is_due = "login" in asked.prompts
    if asked.max_age is not None:
        is_due |= timezone.now().timestamp() - confirmed_at > asked.max_age
    # What was asked for this very request, and was done since, isn't asked again.
    return is_due and not (asked_at and confirmed_at >= asked_at and _consume(asked))


def _asked_at(request: HttpRequest, asked: AuthorizationRequest) -> int:
    """When the person was sent to authenticate for this request, lately and in this browser; 0 if they weren't."""
    browser = _browser_of(request)
    try:
        digest, _, moment = SIGNER.unsign(asked.values.get(ASKED, "")).partition(".")
    except BadSignature:
        return 0
    is_recent = timezone.now().timestamp() - int(moment) < ASKED_SECONDS
    return int(moment) if browser and digest == _digest(asked, browser) and is_recent else 0


def _consume(asked: AuthorizationRequest) -> bool:
    """Whether this proof that the person was asked is used for the first time: an address in a history is none."""
    name = f"asked {hashlib.sha256(asked.values[ASKED].encode()).hexdigest()}"
    return consume(name, timezone.now() + timedelta(seconds=ASKED_SECONDS))


def _digest(asked: AuthorizationRequest, browser: str) -> str:
    values = sorted((name, value) for name, value in asked.values.items() if name != ASKED)
    return hashlib.sha256(f"{browser} {urlencode(values)}".encode()).hexdigest()


def _is_about(asked: AuthorizationRequest, session: Session) -> bool:
    hint = read_hint(asked.id_token_hint, asked.client.application)
    subject = getattr(session.user, "subject", None)
    return hint is not None and subject is not None and hint.subject == str(subject.value)


def _denied(request: HttpRequest, asked: AuthorizationRequest, session: Session) -> HttpResponse:
    record_refusal(asked.client.application, "None of their roles opens it.", actor=session.user)
    if asked.is_silent:
        raise AccessDeniedError
    return _denied_page(request, asked.client, session.user)


def _denied_page(request: HttpRequest, client: Client, user: User) -> HttpResponse:
    *others, last = client.application.role_names or [""]
    context = {
        "application": client.application,
        "roles": f"{', '.join(others)} or {last}" if others else last,
        "roles_to_ask_for": RoleRequests.suggest(user, client.application.roles.all()),
        "back": client.refusal(AccessDeniedError()),
        "crumbs": [(client.application.name, None)],
    }
    return render(request, "sso/not_open.html", context, status=HTTPStatus.FORBIDDEN)


def _own_address(values: Mapping[str, str]) -> str:
    return f"{reverse('oauth_authorize')}?{urlencode(values)}"


def _redirect(address: str) -> HttpResponse:
    return HttpResponseRedirect(address)


def _refusal_page(request: HttpRequest, sentence: str) -> HttpResponse:
    return error_response(request, HTTPStatus.BAD_REQUEST, REFUSED, f"{sentence} {ADVICE}")
