"""`/oauth/logout` (OpenID Connect RP-Initiated Logout): a program asks for the end of the whole session here.

With an ID token of this very session as a hint it ends at once. Without one, or with another's, a page asks: any site
could send people to this address.
"""

from dataclasses import dataclass
from http import HTTPStatus

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt

from accounts.models import Session
from accounts.sessions.page_sessions import clear_site_data, end_page_session
from reprotech.web.access import POST, PUBLIC, requires
from reprotech.web.errors import error_response
from reprotech.web.responses import leave_for
from sso.models import Application
from sso.provider.authorization.request import MAX_STATE_BYTES
from sso.provider.id_tokens import Hint, read_hint
from sso.provider.parameters import Parameters, parse_parameters, read_form, with_parameters
from sso.sign_ins.notices import session_claim

#: With an ID token that has many permissions. Django refuses longer redirects.
MAX_ADDRESS_LENGTH = 16_000
SENT = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """`back` is the registered address to return to, "" for none; `hint` is what a genuine ID token says."""

    application: Application | None
    hint: Hint | None
    back: str
    values: dict[str, str]


@csrf_exempt  # a POST does nothing but become a GET, as at /oauth/authorize
@requires(PUBLIC, ("GET", "POST"))  # a program sends people here, whether they are still signed in or not
def logout(request: HttpRequest) -> HttpResponse:
    try:
        if request.method == "POST":
            return redirect(_own_address(read_form(request)))
        asked = read_logout(parse_parameters(request.META.get("QUERY_STRING", "")[:MAX_ADDRESS_LENGTH]))
    except InvalidRequestError as error:
        return error_response(request, HTTPStatus.BAD_REQUEST, advice=error.description)
    session: Session | None = request.page_session or None  # type: ignore[attr-defined]
    if session is None:
        return _leave(request, asked)
    if asked.hint and asked.application and asked.hint.sid == session_claim(session.pk, asked.application):
        end_page_session(request)  # type: ignore[arg-type]
        return _leave(request, asked)
    context = {"application": asked.application, "values": asked.values, "crumbs": [("Sign out", None)]}
    return render(request, "sso/sign_out.html", context)


@requires(PUBLIC, POST)  # as above; the form has a CSRF token
def confirm_logout(request: HttpRequest) -> HttpResponse:
    """The page's answer: yes."""
    try:
        asked = read_logout(Parameters([(name, request.POST.get(name, "")) for name in SENT]))
    except InvalidRequestError as error:
        return error_response(request, HTTPStatus.BAD_REQUEST, advice=error.description)
    if request.user.is_authenticated:
        end_page_session(request)  # type: ignore[arg-type]
    return _leave(request, asked, by_form=True)


def read_logout(parameters: Parameters) -> LogoutRequest:
    """What is asked for, as far as it can be trusted: an address counts only as registered for a known application."""
    hint = read_hint(parameters.once("id_token_hint"))
    client_id = parameters.once("client_id") or (hint.client_id if hint else "")
    if hint and hint.client_id != client_id:
        hint = None
    application = Application.objects.active().filter(client_id=client_id[:64]).first() if client_id else None
    back, state = parameters.once("post_logout_redirect_uri"), parameters.once("state")
    if application is None or back not in application.post_logout_redirect_uris:
        back = ""
    if back and state and len(state.encode()) <= MAX_STATE_BYTES:
        back = with_parameters(back, [("state", state)])
    return LogoutRequest(application, hint, back, {name: parameters.once(name) for name in SENT})


def _leave(request: HttpRequest, asked: LogoutRequest, *, by_form: bool = False) -> HttpResponse:
    if not asked.back:
        response = render(request, "sso/signed_out.html")
    elif by_form:
        response = leave_for(request, asked.back, asked.application.name if asked.application else "")
    else:
        response = HttpResponseRedirect(asked.back)
    return clear_site_data(response)


def _own_address(parameters: Parameters) -> str:
    sent = {name: value for name, value in parameters.values.items() if name in SENT}
    address = f"{reverse('oauth_logout')}?{urlencode(sent)}"
    if len(address) > MAX_ADDRESS_LENGTH:
        raise InvalidRequestError("There is more than a sign-out needs.")
    return address
