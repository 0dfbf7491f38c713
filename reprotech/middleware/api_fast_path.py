"""API calls with a token or key skip the middleware that pages need: sessions, CSRF, messages.

None of their cookies is read, they carry no form of ours, and their answer is no page.
"""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, resolve
from rest_framework.views import APIView

API_PAGES = {"/api/docs"}
MAX_CACHED_PATHS = 256


class TokenFastPathMiddleware:
    """Calls the API view directly for a request with an `Authorization` header, which no cookie can add to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if "HTTP_AUTHORIZATION" in request.META and path.startswith("/api/") and path not in API_PAGES:
            match = _match(path)
            if issubclass(getattr(match.func, "cls", object), APIView):
                request.resolver_match = match
                response: HttpResponse = match.func(request, *match.args, **match.kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
                # A client needs it to notice a truncated answer; CommonMiddleware, which adds it, is skipped.
                if not response.streaming and response.content:
                    response.headers["Content-Length"] = str(len(response.content))
                return response
        return self.get_response(request)


# Resolving takes 40 µs, a tenth of a short call. Callers choose paths, so not all are kept.
@lru_cache(maxsize=MAX_CACHED_PATHS)
def _match(path: str) -> ResolverMatch:
    return resolve(path)
