"""The short way of an API call that brings a token or a key: past everything that serves pages alone.

Such a call proves by itself who acts: none of its cookies is read, it carries no form of ours, and its answer is no
page. Everything else, calls with the cookie of the pages among it, goes on through sessions, CSRF and messages.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, resolve
from rest_framework.views import APIView

#: Pages that lie among the API's addresses.
API_PAGES = {"/api/docs"}


class TokenFastPathMiddleware:
    """Have the API's view answer a call with an `Authorization` header: where that is, no cookie is looked at."""

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
                # With it a client sees whether it got everything, which otherwise CommonMiddleware sees to.
                if not response.streaming and response.content:
                    response.headers.setdefault("Content-Length", str(len(response.content)))
                return response
        return self.get_response(request)


def _match(path: str) -> ResolverMatch:
    """Whose the address is. Addresses without a name or a number in them, of which there are few, are remembered."""
    match = _fixed.get(path)
    if match is None:
        match = resolve(path)
        if hasattr(match.func, "cls") and not match.args and not match.kwargs:
            _fixed[path] = match
    return match


_fixed: dict[str, ResolverMatch] = {}
