"""What serves pages alone. An API call that brings a token or a key has no use for it, and passes by.

Such a call proves by itself who acts: none of its cookies is read, it carries no form of ours, and its answer is no
page. Everything else, calls with the cookie of the pages among it, goes through all of these.
"""

from typing import Any

from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware as DjangoCommonMiddleware
from django.middleware.gzip import GZipMiddleware

from accounts.middleware import PageSessionMiddleware as AccountsPageSessionMiddleware

#: Pages that lie among the API's addresses.
PAGES_OF_THE_API = {"/api/docs"}


def is_token_call(request: HttpRequest) -> bool:
    """Whether this is an API call that doesn't act by a cookie: where this header is, none is looked at."""
    path = request.path_info
    return "HTTP_AUTHORIZATION" in request.META and path.startswith("/api/") and path not in PAGES_OF_THE_API


class PagesOnly:
    """Goes before a middleware that token calls pass by."""

    def __call__(self, request: HttpRequest) -> Any:
        """Answer."""
        if is_token_call(request):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class PageCompressionMiddleware(PagesOnly, GZipMiddleware):
    """Compress pages, of which a long list would weigh more than all else, with Django's defence against BREACH.

    Static files are compressed once for all, and the API's answers are small: a proxy may compress those.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress HTML."""
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware):
    """The signed cookie."""


class CommonMiddleware(PagesOnly, DjangoCommonMiddleware):
    """Lengths of pages."""


class PageSessionMiddleware(PagesOnly, AccountsPageSessionMiddleware):
    """`request.user` and `request.page_session`."""


class MessageMiddleware(PagesOnly, messages.MessageMiddleware):
    """Sentences for the next page."""
