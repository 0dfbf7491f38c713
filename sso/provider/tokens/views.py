"""`/oauth/token` (RFC 6749), `/oauth/revoke` (RFC 7009) and `/oauth/introspect` (RFC 7662)."""

from http import HTTPStatus

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.sessions import services as session_services
from audit.tracking.model_tracking import explicitly_recorded
from sso.provider.client_authentication import authenticate_client
from sso.provider.endpoints import endpoint
from sso.provider.parameters import Parameters, read_form
from sso.provider.tokens.grants import ClientCredentialsGrant, CodeGrant, RefreshGrant, S256Challenge
from sso.provider.tokens.introspection import introspect_for
from sso.provider.tokens.server import ProviderRequest, ProviderServer, answer
from sso.sign_ins.services import revoke_token

MAX_TOKEN_LENGTH = 4_096

server = ProviderServer()
server.register_grant(CodeGrant, [S256Challenge()])
server.register_grant(RefreshGrant)
server.register_grant(ClientCredentialsGrant)


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
