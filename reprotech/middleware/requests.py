"""Where a request comes from, how large it may be, and its address without a trailing slash."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.security import SecurityMiddleware

from reprotech.api.exception_handler import plain_error
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.error_pages import error_response, is_api
from reprotech.middleware.forwarded_headers import HEADERS as FORWARDING_HEADERS
from reprotech.middleware.forwarded_headers import read_client
from reprotech.middleware.request_body import BodyRefused, read_body
from reprotech.monitoring.log_formatters import SECRET_PATH

Respond = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger(__name__)

PROBES = re.compile(r"/(api/health(/live|/ready)?|metrics)/?")
HEALTH = re.compile(r"/api/health(/live|/ready)?/?")
#: How servers write the version that knows no Host header; HAProxy's `option httpchk` speaks it.
HTTP_1_0 = {"HTTP/1.0", "HTTP/1"}
#: A Host header that is an address, with or without a port.
ADDRESS_HOST = re.compile(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\])(:\d{1,5})?", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class RequestContextMiddleware:
    """Find out client address, scheme, user agent and request id, for audit rows and log lines.

    Forwarding headers are believed only when the socket's other end is one of TRUSTED_PROXIES; anybody else's are
    removed before anything can read them.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the request's id in `X-Request-ID`."""
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
            user_agent=printable(request.META.get("HTTP_USER_AGENT", "") or _unreadable(request)),
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
            # Without looking up the stack for who logs: it's always here.
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
    return UNREADABLE if "HTTP_USER_AGENT" in request.META else ""


#: Recorded for a header of which granian gives the name alone, as it does when a byte is not ASCII.
UNREADABLE = "(unreadable)"


@lru_cache(maxsize=1024)
def printable(text: str) -> str:
    """A header's text without what can't be stored or would disturb a log.

    Servers give its bytes as Latin-1 (PEP 3333); most clients mean UTF-8.
    """
    if not text.isascii():
        with suppress(UnicodeError):  # then it is Latin-1, as the oldest clients write
            text = text.encode("latin-1").decode()
    return "".join(char if char.isprintable() else " " for char in text)[:512].strip()


class RequestLimitsMiddleware:
    """Refuse what no view should see: foreign hosts, and bodies that are too large, incomplete or without a length."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if is_probe(request):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip("*.")
        if not has_known_host(request):
            return error_response(request, 400)
        try:
            read_body(request, settings.LARGER_BODIES.get(request.path_info.rstrip("/"), settings.BODY_LIMIT))
        except BodyRefused as refusal:
            if is_api(request):
                return plain_error(refusal.status, refusal.sentence)
            return error_response(request, refusal.status, advice=refusal.sentence)
        return self.get_response(request)


def is_probe(request: HttpRequest) -> bool:
    """Whether an orchestrator or a scraper asks: for what is the same under any name, by address instead of one.

    A foreign name stays refused, so that no page can reach this under a name of its own (DNS rebinding). Without any
    Host, as HTTP/1.0 allows, only health is told.
    """
    if PROBES.fullmatch(request.path_info) is None:
        return False
    if host := request.META.get("HTTP_HOST", ""):
        return ADDRESS_HOST.fullmatch(host) is not None
    return request.META["SERVER_PROTOCOL"] in HTTP_1_0 and HEALTH.fullmatch(request.path_info) is not None


def has_known_host(request: HttpRequest) -> bool:
    """Whether the Host header is one of ALLOWED_HOSTS."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


class IsolationMiddleware:
    """Keep other sites from embedding what is here, and what is here from using the machine (OWASP ASVS 5.0, V3.4).

    What isn't said to be for all is kept by no cache, nor behind the Back button. A view that needs another header than
    one of these sets it.
    """

    HEADERS: ClassVar = {
        "Cache-Control": "no-store, private",
        "Content-Security-Policy": settings.CONTENT_SECURITY_POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
    }

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        response = self.get_response(request)
        # `setdefault` raises and catches a KeyError for each one that is missing, which is most of them.
        given = {name.lower() for name in response.headers}
        for name, value in self.HEADERS.items():
            if name.lower() not in given:
                response.headers[name] = value
        if settings.DEBUG and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            del response.headers["Content-Security-Policy"]  # Django's page for developers brings its own style
        return response


class TransportMiddleware(SecurityMiddleware):
    """Send who comes by HTTP to HTTPS, and have browsers remember it. Other headers are IsolationMiddleware's."""

    def __init__(self, get_response: Respond) -> None:
        super().__init__(get_response)
        self.content_type_nosniff = False
        self.referrer_policy = self.cross_origin_opener_policy = None


class OriginsMiddleware(CorsMiddleware):
    """Tell browsers which other sites may call the API; with no CORS_ORIGINS none, as they assume anyway."""

    def __call__(self, request: HttpRequest) -> Any:
        """Answer."""
        return super().__call__(request) if settings.CORS_ALLOWED_ORIGINS else self.get_response(request)

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to a browser that asks before it sends a request; foreign hosts get theirs further in."""
        response = super().check_preflight(request)
        return response if response is None or has_known_host(request) else None


class PageCompressionMiddleware(GZipMiddleware):
    """Compress pages, of which a long list would weigh more than all else, with Django's defence against BREACH.

    Static files are compressed once for all, and the API's answers are small: a proxy may compress those.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress HTML."""
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class TrailingSlashMiddleware:
    """Treat `/api/users/` as `/api/users`: the answer is the same, without a redirect that loses a POST's body."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        path = request.path_info
        if len(path) > 1 and path.endswith("/") and not path.startswith("/admin/"):
            request.path_info = path[:-1]
        return self.get_response(request)
