"""Authentication of applications at the token endpoint and its neighbours (RFC 6749, section 2.3)."""

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from django.http import HttpRequest

from accounts.core.client_networks import client_network
from accounts.throttling import rate_limits
from reprotech.core.request_context import current_origin
from sso.applications import secrets as client_secrets
from sso.applications.client_authentication import read_credentials
from sso.exceptions import InvalidClient
from sso.models import Application
from sso.provider.parameters import Parameters

BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
METHODS = (BASIC, POST, NONE)


class ClientRefused(InvalidClientError):  # type: ignore[misc]  # Authlib has no type hints
    """The same answer for an unknown application and a wrong secret."""

    def __init__(self) -> None:
        super().__init__(description="The client could not be authenticated.", status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        headers = [(name, value) for name, value in super().get_headers() if name != "WWW-Authenticate"]
        return [*headers, ("WWW-Authenticate", 'Basic realm="Reprotech"')]


def authenticate_client(request: HttpRequest, parameters: Parameters, *, allow_public: bool = True) -> Application:
    """The active application that sends this. Raises ClientRefused, InvalidRequestError or TooManyAttempts."""
    rate_limits.count(rate_limits.CALLS, f"application-address-{client_network(current_origin().ip_address)}")
    client_id, secret, method = _credentials(request, parameters)
    try:
        if method == NONE and allow_public:
            application = _find_public(client_id)
        else:
            application = client_secrets.authenticate_client(client_id=client_id, secret=secret)
    except InvalidClient:
        raise ClientRefused from None
    rate_limits.count(rate_limits.CALLS, f"application-{application.pk}")
    return application


def _find_public(client_id: str) -> Application:
    """The application that has no secret; raises InvalidClient for one that has."""
    public = Application.objects.active().filter(kind=Application.Kind.PUBLIC)
    application = public.filter(client_id=client_id[:64]).first()
    if application is None:
        raise InvalidClient
    return application


def _credentials(request: HttpRequest, parameters: Parameters) -> tuple[str, str, str]:
    """Client id, secret and method."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    in_body = parameters.get("client_secret")
    if not header:
        return parameters.get("client_id"), in_body, POST if in_body else NONE
    if in_body:
        raise InvalidRequestError("The client must not authenticate in two ways at once.")
    client_id, secret = _parse_basic(header)
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequestError("The header and the body name two clients.")
    return client_id, secret, BASIC


def _parse_basic(header: str) -> tuple[str, str]:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        raise ClientRefused
    try:
        return read_credentials(credentials)
    except InvalidClient:
        raise ClientRefused from None
