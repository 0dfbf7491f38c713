"""Errors outside of API views: JSON under /api/, a page elsewhere."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.permissions import PUBLIC, requires
from reprotech.api_errors import PLAIN, UNAVAILABLE, plain_error


def error_response(request: HttpRequest, status: int, sentence: str = "") -> HttpResponse:
    """The answer with this status; `sentence` replaces the usual one on a page."""
    if f"{request.path_info}/".startswith("/api/"):
        return plain_error(status)
    context = {"status": status, "sentence": sentence or PLAIN[status][0]}
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler400."""
    return error_response(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler403."""
    return error_response(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler404."""
    return error_response(request, 404)


@requires(PUBLIC)  # there is nothing there, for anybody
def unknown_address(request: HttpRequest, **_: object) -> HttpResponse:
    """The view of every address that nothing else serves."""
    return error_response(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; 503 when the database is what failed."""
    return error_response(request, 503 if isinstance(sys.exc_info()[1], UNAVAILABLE) else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """A form that wasn't ours, or whose cookie is gone."""
    return error_response(
        request, 403, "This form has expired, or cookies are blocked. Go back, reload the page and try again."
    )
