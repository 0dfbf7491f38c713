"""Authenticates an application by HTTP Basic with its client id and secret (RFC 6749, section 2.3.1)."""

import base64
from typing import ClassVar
from urllib.parse import unquote_plus

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.authentication.api_authentication import DocumentedScheme
from sso.applications.secrets import authenticate_client
from sso.exceptions import InvalidClient
from sso.models import Application


class BasicClientAuthentication(BaseAuthentication):
    """The request's `auth` is the application; there is no user."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Application]:
        """Raises InvalidClient, also without credentials, or TooManyAttempts."""
        scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            raise InvalidClient
        client_id, secret = read_credentials(credentials)
        return AnonymousUser(), authenticate_client(client_id=client_id, secret=secret)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return 'Basic realm="Reprotech", charset="UTF-8"'


def read_credentials(credentials: str) -> tuple[str, str]:
    """Client id and secret of an Authorization header, each encoded as in a form; raises InvalidClient."""
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        raise InvalidClient from None
    client_id, separator, secret = text.partition(":")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    # PostgreSQL stores no NUL, and so can't look for one either.
    if not separator or not (client_id.isprintable() and secret.isprintable()):
        raise InvalidClient
    return client_id, secret


class BasicClientScheme(DocumentedScheme):  # type: ignore[no-untyped-call]
    target_class, name = BasicClientAuthentication, "client"
    definition: ClassVar = {"type": "http", "scheme": "basic", "description": "Client id and secret."}
