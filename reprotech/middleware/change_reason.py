"""The reason of a change that a page or Django admin makes, and the question for it where a form has no field.

The question is a form with all that was sent, and the field, to the same URL: nothing that was typed is lost.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from reprotech.core.change_reason import FIELD, HEADER, ReasonQuestion, ReasonRefused, read_reason
from reprotech.core.request_context import set_reason
from reprotech.web.errors import is_api
from reprotech.web.reason_field import field_id
from reprotech.web.responses import UNPROCESSABLE, render_interruption, safe_next_url

#: Fields of which the question has its own.
OWN_FIELDS = {FIELD, "csrfmiddlewaretoken"}


class ReasonMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: object, _args: object, _kwargs: object) -> None:
        """Read it; API views do that themselves."""
        if request.method == "POST" and not is_api(request) and request.user.is_authenticated:
            given = request.POST.get(FIELD)
            places = {"has_field": given is not None, "field_id": field_id(request)}
            set_reason(read_reason(given, request.META.get(HEADER), **places))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ReasonQuestion | ReasonRefused) or is_api(request):
            return None
        sent = [(name, values) for name, values in request.POST.lists() if name not in OWN_FIELDS]
        carried = [(name, value) for name, values in sent for value in values]
        context = {"carried": carried, "back": safe_next_url(request, _sent_from(request))}
        return render_interruption(
            request,
            "reason_question.html",
            context,
            part="_reason_question.html",
            status=UNPROCESSABLE,
        )


def _sent_from(request: HttpRequest) -> str:
    """The page of ours whose form was sent."""
    address = urlsplit(request.headers.get("Referer", ""))
    path = f"{address.path}?{address.query}" if address.query else address.path
    return path if address.netloc == request.get_host() and path.startswith("/") else "/"
