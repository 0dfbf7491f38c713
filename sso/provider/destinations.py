"""What our sign-in pages call the program to which an address of the provider leads."""

from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from django.urls import reverse

from sso.models import Application
from sso.provider.parameters import parse_parameters


def program_name(target: str) -> str:
    """The name of the registered application that asks for a sign-in there; "" for any other address."""
    try:
        parts = urlsplit(target)
        client_id = parse_parameters(parts.query).get("client_id")
    except (ValueError, InvalidRequestError):
        return ""
    if parts.path != reverse("oauth_authorize") or not client_id:
        return ""
    found = Application.objects.active().filter(client_id=client_id[:64]).values_list("name", flat=True).first()
    return found or ""
