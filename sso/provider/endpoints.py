"""What all endpoints for programs have in common: errors as the standards write them, and CORS for public clients."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import urlsplit

from authlib.oauth2.base import OAuth2Error
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from reprotech.api.exception_handler import is_database_unavailable
from reprotech.core.exceptions import TooManyAttempts
from reprotech.web.access import PUBLIC, requires
from sso.keys.services import SigningKeyUnavailable
from sso.models import Application
from sso.provider.tokens.server import answer

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]

#: Seconds, while the database doesn't answer.
RETRY_AFTER = 30
PREFLIGHT_SECONDS = "600"


def endpoint(*methods: str, shared: bool = False) -> Callable[[View], View]:
    """An address for programs, which authenticate themselves; `shared` opens it to scripts of public applications.

    No CSRF token: nothing that a browser sends by itself counts there.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def run(request: HttpRequest) -> HttpResponse:
            if request.method == "OPTIONS":
                response = HttpResponse(status=HTTPStatus.NO_CONTENT)
            else:
                response = _answered(view, request)
            return _share(request, response, methods) if shared else response

        taken = (*methods, "OPTIONS") if shared else methods
        return csrf_exempt(requires(PUBLIC, taken)(run))

    return decorate


def _answered(view: View, request: HttpRequest) -> HttpResponse:
    try:
        return view(request)
    except OAuth2Error as error:
        return answer(*error())
    except TooManyAttempts as refusal:
        body = {"error": "temporarily_unavailable", "error_description": refusal.sentence}
        return answer(refusal.status, body, [("Retry-After", str(refusal.retry_after))])
    except SigningKeyUnavailable:
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "server_error"})
    except Exception as error:
        if not is_database_unavailable(error):
            raise
        logger.error("The database does not do its work: %s", error)
        retry = [("Retry-After", str(RETRY_AFTER))]
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "temporarily_unavailable"}, retry)


def _share(request: HttpRequest, response: HttpResponse, methods: tuple[str, ...]) -> HttpResponse:
    """Let scripts of public applications' registered origins read the answer (Fetch, CORS protocol)."""
    patch_vary_headers(response, ["Origin"])
    origin = request.headers.get("Origin", "")
    if origin and origin in _public_origins():
        response["Access-Control-Allow-Origin"] = origin
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = ", ".join(methods)
            response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        else:
            response["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
    return response


def _public_origins() -> set[str]:
    public = Application.objects.active().filter(kind=Application.Kind.PUBLIC)
    found = set()
    for uris in public.values_list("redirect_uris", flat=True):
        for uri in uris:
            parts = urlsplit(uri)
            found.add(f"{parts.scheme}://{parts.netloc}")
    return found
