"""Checks that run before every start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from reprotech.routes import all_routes


@register(Tags.urls)
def every_route_declares_access(**_: Any) -> list[CheckMessage]:
    """A view that declares no access is denied to everybody; find it before its users do."""
    return [
        Error(f"/{route.path} declares no access.", hint="Add @requires or required_permissions.", id="reprotech.E001")
        for route in all_routes()
        if route.access is None
    ]


@register(Tags.security, deploy=True)
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    """Production serves named hosts."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [Error("ALLOWED_HOSTS must name hosts: '*' lets anybody choose the Host header.", id="reprotech.E002")]
