"""Sets the request's origin for audit rows and log lines, and logs and counts each request."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from reprotech.core.request_context import RequestOrigin, current_principal, request_origin
from reprotech.middleware.forwarded_headers import HEADERS as FORWARDING_HEADERS
from reprotech.middleware.forwarded_headers import read_client
from reprotech.monitoring.log_formatters import ORIGIN, SECRET_PATH, USER_ID
from reprotech.monitoring.metrics import count_request

GetResponse = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger(__name__)

PROXY_HEADERS = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP"}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class RequestContextMiddleware:
    """Determines client address, scheme, user agent and request id; removes forwarding headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        client = read_client(request.META)
        request.META["reprotech.was_forwarded"] = not PROXY_HEADERS.isdisjoint(request.META)
        if client.scheme:
            request.META["wsgi.url_scheme"] = client.scheme
        for name in FORWARDING_HEADERS:
            request.META.pop(name, None)
        origin = RequestOrigin(
            ip_address=client.address,
            user_agent=_user_agent(request),
            request_id=_request_id(request, client.is_proxied),
            method=request.method or "",
            path=request.path,
            device_cookie=request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
        )
        request.META[ORIGIN] = origin
        with request_origin(origin):
            started = time.perf_counter()
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            _log(request, response.status_code, seconds)
            count_request(request, response.status_code, seconds)
            request.META[USER_ID] = current_principal().user_id
        response.headers["X-Request-ID"] = origin.request_id
        return response


def _log(request: HttpRequest, status: int, seconds: float) -> None:
    if not logger.isEnabledFor(logging.INFO):
        return
    path = SECRET_PATH.sub(r"\1...", request.path)
    values = (request.method, path, status, seconds * 1000)
    fields = {"method": request.method, "path": path, "status": status, "duration_ms": round(seconds * 1000, 1)}
    # `logger.info` would search the stack for the caller.
    logger.handle(
        logger.makeRecord(logger.name, logging.INFO, __file__, 0, "%s %s %s %.1f ms", values, None, extra=fields)
    )


def _request_id(request: HttpRequest, proxied: bool) -> str:
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if proxied and REQUEST_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(128):032x}"  # no secret  # nosec B311


def _user_agent(request: HttpRequest) -> str:
    given: str | None = request.META.get("HTTP_USER_AGENT")
    # granian passes on only a header's name if a byte is not ASCII.
    return "" if given is None else sanitize_header(given or "(unreadable)")


@lru_cache(maxsize=1024)
def sanitize_header(text: str) -> str:
    """A header's text without what can't be stored or would disturb a log."""
    if not text.isascii():
        # WSGI passes bytes on as Latin-1 (PEP 3333); most clients mean UTF-8, the oldest Latin-1.
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode()
    return "".join(char if char.isprintable() else " " for char in text)[:512].strip()
