"""API calls with a token or key skip the middleware that pages need: sessions, CSRF, messages.

None of their cookies is read, they carry no form of ours, and their answer is no page.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, resolve
from rest_framework.views import APIView

API_PAGES = {"/api/docs"}


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
                    response.headers.setdefault("Content-Length", str(len(response.content)))
                return response
        return self.get_response(request)


def _match(path: str) -> ResolverMatch:
    """Resolve a path; those without parameters, of which there are few, are cached."""
    match = _fixed.get(path)
    if match is None:
        match = resolve(path)
        if hasattr(match.func, "cls") and not match.args and not match.kwargs:
            # Only these: a caller chooses parameters, and could fill the memory with them.
            _fixed[path] = match
    return match


_fixed: dict[str, ResolverMatch] = {}
