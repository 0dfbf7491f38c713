"""`/oauth/token` (RFC 6749), `/oauth/revoke` (RFC 7009) and `/oauth/introspect` (RFC 7662)."""

from http import HTTPStatus
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.core.client_networks import client_network
from accounts.sessions import services as session_services
from accounts.throttling import rate_limits
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.request_context import current_origin
from sso.provider.claims import allowed_scope
from sso.provider.client_authentication import authenticate_client
from sso.provider.endpoints import endpoint
from sso.provider.issuer import address
from sso.provider.parameters import Parameters, read_form
from sso.provider.tokens.grants import (
    ClientCredentialsGrant,
    CodeGrant,
    DeviceGrant,
    RefreshGrant,
    S256Challenge,
    refuse_device_grant,
)
from sso.provider.tokens.introspection import introspect_for
from sso.provider.tokens.server import ProviderRequest, ProviderServer, answer
from sso.sign_ins import devices
from sso.sign_ins.services import revoke_token

MAX_TOKEN_LENGTH = 4_096

server = ProviderServer()
server.register_grant(CodeGrant, [S256Challenge()])
server.register_grant(RefreshGrant)
server.register_grant(ClientCredentialsGrant)
server.register_grant(DeviceGrant)


@endpoint("POST", shared=True)
def token(request: HttpRequest) -> HttpResponse:
    parameters = read_form(request)
    if not parameters.get("grant_type"):
        raise InvalidRequestError("The grant_type is missing.")
    asked = ProviderRequest(request, parameters, authenticate_client(request, parameters))
    # A refusal is an answer, so that a sign-in which ends by it stays ended.
    with transaction.atomic(), explicitly_recorded():
        response: HttpResponse = server.create_token_response(asked)
    if response.status_code == HTTPStatus.OK and asked.refresh_token and asked.refresh_token.sign_in.session:
        # After the transaction, which would otherwise wait for the session's row with the sign-in's locked.
        session_services.extend_session(asked.refresh_token.sign_in.session)
    return response


@endpoint("POST", shared=True)
def authorize_device(request: HttpRequest) -> HttpResponse:
    """Codes for a device without a browser: one to show to a person, and one to ask with (RFC 8628, section 3.2)."""
    parameters = read_form(request)
    application = authenticate_client(request, parameters)
    refuse_device_grant(application)
    scope = allowed_scope(application, parameters.get("scope"))
    if not scope:
        raise InvalidScopeError
    rate_limits.count("device_request", f"{application.pk} {client_network(current_origin().ip_address)}")
    device_code, user_code = devices.start_device_request(application=application, scope=scope)
    page = address("device")
    body = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?{urlencode({'user_code': user_code})}",
        "expires_in": int(devices.REQUEST_LIFETIME.total_seconds()),
        "interval": devices.INTERVAL,
    }
    return answer(HTTPStatus.OK, body)


@endpoint("POST")
def revoke(request: HttpRequest) -> HttpResponse:
    """Unknown tokens, and those of other applications, are answered alike: they are no longer valid here."""
    parameters = read_form(request)
    application = authenticate_client(request, parameters)
    revoke_token(token=_token_in(parameters), application=application)
    return answer(HTTPStatus.OK, {})


@endpoint("POST")
def introspect(request: HttpRequest) -> HttpResponse:
    parameters = read_form(request)
    # A public application has nothing that only it knows: anybody could ask in its name.
    application = authenticate_client(request, parameters, allow_public=False)
    return answer(HTTPStatus.OK, introspect_for(application, _token_in(parameters)))


def _token_in(parameters: Parameters) -> str:
    token = parameters.get("token")
    if not token:
        raise InvalidRequestError("The token is missing.")
    return token if len(token) <= MAX_TOKEN_LENGTH else ""
