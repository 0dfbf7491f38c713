"""Authlib's authorization server over our tables, requests and answers.

Authlib has the order of the steps and what the standards compare; who a client is, what is stored and what is answered
is ours, and so is all that it takes more lightly than we do: docs/adr/0016 has the list.
"""

import json
from collections.abc import Iterable
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.models import ClientMixin
from django.http import HttpRequest, HttpResponse

from sso.models import Application
from sso.provider.parameters import Parameters

AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
Body = dict[str, Any] | str


class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no type hints
    """An application as Authlib asks about it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.client_id = application.client_id

    def get_client_id(self) -> str:
        return self.client_id

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == CLIENT_CREDENTIALS:
            return self.application.is_confidential and self.application.service_account_id is not None
        return grant_type != DEVICE_CODE or self.application.device_grant


class Payload:
    """The parameters under the names by which Authlib asks for them."""

    def __init__(self, parameters: Parameters) -> None:
        self.data = dict(parameters.values)
        self.datalist = {name: [value] for name, value in self.data.items()}

    def __getattr__(self, name: str) -> str | None:
        return self.data.get(name)


class ProviderRequest(OAuth2Request):  # type: ignore[misc]  # as above
    """A request of an authenticated application, or of one that sends a person."""

    def __init__(self, request: HttpRequest, parameters: Parameters, application: Application) -> None:
        # Not Authlib's own: it refuses http, which TransportMiddleware does where SSL_REQUIRED says so.
        self.method, self.headers = request.method, request.headers
        self.payload, self.client = Payload(parameters), Client(application)
        self.user = None
        self.auth_method = ""
        self.authorization_code = self.refresh_token = self.credential = None
        self._scope: str | None = None

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


class ProviderServer(AuthorizationServer):  # type: ignore[misc]  # as above
    def create_oauth2_request(self, request: ProviderRequest) -> ProviderRequest:
        return request

    def authenticate_client(self, request: ProviderRequest, *_: object) -> Client:
        # Before the transaction of the grant, so that no refusal is rolled back.
        client = request.client
        request.auth_method = "client_secret_basic" if client.application.is_confidential else "none"
        return client

    def send_signal(self, *_: object, **__: object) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Body, headers: Iterable[tuple[str, str]]) -> HttpResponse:
        return answer(status, body, headers)


def answer(status: int, body: Body, headers: Iterable[tuple[str, str]] = ()) -> HttpResponse:
    """An answer in JSON that no cache keeps."""
    text = json.dumps(body) if isinstance(body, dict) else body
    response = HttpResponse(text, status=status, content_type="application/json")
    for name, value in headers:
        response[name] = value
    response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
    return response
