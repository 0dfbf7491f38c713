"""Limits of requests: hosts and body size."""

import re

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from reprotech.api.exception_handler import default_error_response
from reprotech.middleware.request_body import BodyRefused, read_body
from reprotech.middleware.request_context import GetResponse
from reprotech.web.errors import error_response, is_api

#: HTTP without a Host header, as HAProxy's `option httpchk` sends it.
HTTP_1_0 = {"HTTP/1.0", "HTTP/1"}
PROBES = re.compile(r"/(api/health(/live|/ready)?|metrics)/?")
HEALTH = re.compile(r"/api/health(/live|/ready)?/?")
#: An address as Host header.
ADDRESS_HOST = re.compile(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\])(:\d{1,5})?", re.ASCII)


class RequestLimitsMiddleware:
    """Refuses foreign hosts, and bodies that are too large, incomplete or without a length."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_probe(request):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip("*.")
        if not has_known_host(request):
            return error_response(request, 400)
        try:
            read_body(request, settings.BODY_LIMIT_OVERRIDES.get(request.path_info.rstrip("/"), settings.BODY_LIMIT))
        except BodyRefused as refusal:
            if is_api(request):
                return default_error_response(refusal.status, refusal.sentence)
            return error_response(request, refusal.status, advice=refusal.sentence)
        return self.get_response(request)


def is_probe(request: HttpRequest) -> bool:
    """Whether this is a call of an orchestrator or scraper, which uses an address in place of a host name."""
    # Foreign names stay refused, so that no web page can reach this under a name of its own (DNS rebinding). Without a
    # Host, as HTTP/1.0 allows, only health is answered.
    if PROBES.fullmatch(request.path_info) is None:
        return False
    if host := request.META.get("HTTP_HOST", ""):
        return ADDRESS_HOST.fullmatch(host) is not None
    return request.META["SERVER_PROTOCOL"] in HTTP_1_0 and HEALTH.fullmatch(request.path_info) is not None


def has_known_host(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True
