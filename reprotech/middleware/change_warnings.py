"""Shows what services warn of, above the page that follows a change."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from reprotech.core.change_warnings import collected_warnings
from reprotech.web.access import SAFE

#: From here on an answer means that nothing was changed.
REFUSED = 400


class ChangeWarningMiddleware:
    """Collects the warnings of each request that changes something. The API's views collect their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE:
            return self.get_response(request)
        with collected_warnings() as warnings:
            response = self.get_response(request)
        if response.status_code < REFUSED:
            for warning in warnings.values():
                messages.warning(request, warning.message)
        return response
