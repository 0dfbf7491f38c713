"""Sets the request's origin for audit rows and log lines, and logs each request."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.middleware.forwarded_headers import HEADERS as FORWARDING_HEADERS
from reprotech.middleware.forwarded_headers import read_client
from reprotech.monitoring.log_formatters import SECRET_PATH

GetResponse = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger(__name__)

#: HTTP without a Host header, as HAProxy's `option httpchk` sends it.
HTTP_1_0 = {"HTTP/1.0", "HTTP/1"}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class RequestContextMiddleware:
    """Determines client address, scheme, user agent and request id; removes forwarding headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        client = read_client(request.META)
        request.META["reprotech.was_forwarded"] = any(
            name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
        )
        if client.scheme:
            request.META["wsgi.url_scheme"] = client.scheme
        for name in FORWARDING_HEADERS:
            request.META.pop(name, None)
        origin = RequestOrigin(
            ip_address=client.address,
            user_agent=sanitize_header(request.META.get("HTTP_USER_AGENT", "") or _unreadable(request)),
            request_id=_request_id(request, client.is_proxied),
            method=request.method or "",
            path=request.path,
            device_cookie=request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
        )
        with request_origin(origin):
            response = self._answer(request)
        response["X-Request-ID"] = origin.request_id
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        milliseconds = (time.perf_counter() - started) * 1000
        path = SECRET_PATH.sub(r"\1...", request.path)
        if logger.isEnabledFor(logging.INFO):
            # `logger.info` would search the stack for the caller.
            record = logger.makeRecord(
                logger.name,
                logging.INFO,
                __file__,
                0,
                "%s %s %s %.1f ms",
                (request.method, path, response.status_code, milliseconds),
                None,
                extra={
                    "method": request.method,
                    "path": path,
                    "status": response.status_code,
                    "duration_ms": round(milliseconds, 1),
                },
            )
            logger.handle(record)
        return response


def _request_id(request: HttpRequest, proxied: bool) -> str:
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if proxied and REQUEST_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(128):032x}"  # no secret  # nosec B311


def _unreadable(request: HttpRequest) -> str:
    return UNREADABLE_HEADER if "HTTP_USER_AGENT" in request.META else ""


#: Recorded where granian passes on only a header's name, because a byte is not ASCII.
UNREADABLE_HEADER = "(unreadable)"


@lru_cache(maxsize=1024)
def sanitize_header(text: str) -> str:
    """A header's text without what can't be stored or would disturb a log."""
    if not text.isascii():
        # WSGI passes bytes on as Latin-1 (PEP 3333); most clients mean UTF-8, the oldest Latin-1.
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode()
    return "".join(char if char.isprintable() else " " for char in text)[:512].strip()
