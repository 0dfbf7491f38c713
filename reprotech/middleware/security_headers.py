"""Security headers: isolation, transport, CORS."""

from http import HTTPStatus
from typing import ClassVar

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

from reprotech.middleware.request_context import GetResponse
from reprotech.middleware.request_limits import has_known_host


class IsolationMiddleware:
    """Security headers (OWASP ASVS 5.0, V3.4), and no caching, where a view doesn't set its own."""

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

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
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
    """The redirect to HTTPS, and HSTS. SecurityMiddleware's other headers are set by IsolationMiddleware."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.content_type_nosniff = False
        self.referrer_policy = self.cross_origin_opener_policy = None


class OriginsMiddleware(CorsMiddleware):
    """CORS headers, if CORS_ORIGINS names any site."""

    def __init__(self, get_response: GetResponse) -> None:
        if not settings.CORS_ALLOWED_ORIGINS:
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        # Foreign hosts are refused by RequestLimitsMiddleware.
        response = super().check_preflight(request)
        return response if response is None or has_known_host(request) else None
