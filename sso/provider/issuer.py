"""The issuer and the addresses of the provider, which the discovery document names."""

from django.conf import settings
from django.urls import reverse


def issuer() -> str:
    """PUBLIC_URL, whatever Host header a request carries: programs compare it with what they were set up with."""
    return settings.PUBLIC_URL


def address(name: str) -> str:
    """The whole address of one of our URL names."""
    return f"{issuer()}{reverse(name)}"
