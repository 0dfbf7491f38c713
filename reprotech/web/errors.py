"""Answers to errors outside of API views: JSON under /api/, a page elsewhere."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from reprotech.api.exception_handler import DEFAULT_ERRORS, default_error_response


@dataclass(frozen=True, slots=True)
class Explanation:
    title: str
    advice: str


EXPLANATIONS = {
    400: Explanation("This request can't be understood", "Go back, check what you typed and try again."),
    403: Explanation(
        "You don't have access to this page", "If you need it for your work, ask an administrator of your lab."
    ),
    404: Explanation(
        "Page not found",
        "The address may be mistyped, or what it showed has been deleted or is not open to you.",
    ),
    405: Explanation("This can't be done here", "Go back and use the buttons of the page."),
    409: Explanation("This can't be done now", "Go back, reload the page and try again."),
    411: Explanation("The length of what you sent is missing", "Go back and try again, or use another browser."),
    413: Explanation("This is too large", "Send a smaller file, or split it into several."),
    500: Explanation(
        "Something went wrong on our side",
        "Nothing was changed. Try again in a moment. If it stays like this, tell your administrator the time and "
        "the request's number below.",
    ),
    503: Explanation(
        "Reprotech is not available right now",
        "It is being maintained, or it can't reach its database. What was saved is safe. Try again in a minute or "
        "two. If it stays like this, tell your administrator.",
    ),
}


def error_response(
    request: HttpRequest, status: int, sentence: str = "", advice: str = "", **more: object
) -> HttpResponse:
    """An answer with this status; `sentence` and `advice` replace the usual ones on a page, which shows `more`."""
    if is_api(request):
        return default_error_response(status)
    usual = EXPLANATIONS.get(status, Explanation(DEFAULT_ERRORS.get(status, DEFAULT_ERRORS[400])[0], ""))
    title = sentence or usual.title
    context = {
        "status": status,
        "title": title,
        "advice": advice or usual.advice,
        **more,
        "crumbs": [("Dashboard", reverse("home")), (usual.title, None)],
    }
    return render(request, "error.html", context, status=status)


def is_api(request: HttpRequest) -> bool:
    # With a slash, so that /api counts and /apiary doesn't. Not by the view: an unknown path has none.
    return f"{request.path_info}/".startswith("/api/")
