"""The search over everything: a page, and answers for the palette (`static/js/palette.js`)."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from accounts.common.requests import PageRequest
from reprotech.core.normalization import is_deceptive_character, normalize_text
from reprotech.search.results import Group, Result
from reprotech.search.sources import search
from reprotech.templatetags.reprotech import initials, tint
from reprotech.web.access import SAFE, SIGNED_IN, requires

#: Characters; longer texts are searched for by their beginning.
MAX_LENGTH = 200


@requires(SIGNED_IN, SAFE)
def find(request: PageRequest) -> HttpResponse:
    """Everything that matches `q` and that the reader may open, by kind."""
    # Control characters match nothing, and PostgreSQL takes no NUL.
    text = "".join(char for char in normalize_text(request.GET.get("q", "")) if not is_deceptive_character(char))
    text = text[:MAX_LENGTH].strip()
    groups = search(request.user, text)
    response = (
        JsonResponse({"groups": [_as_dict(group) for group in groups]})
        if request.accepts("application/json") and not request.accepts("text/html")
        else render(request, "search.html", {"text": text, "groups": groups, "crumbs": [("Search", None)]})
    )
    patch_vary_headers(response, ["Accept"])
    return response


def _as_dict(group: Group) -> dict[str, object]:
    return {"kind": group.kind, "label": group.label, "results": [_result_as_dict(result) for result in group.results]}


def _result_as_dict(result: Result) -> dict[str, object]:
    shown: dict[str, object] = {"title": result.title, "subtitle": result.subtitle, "url": result.url}
    return (
        shown if result.person is None else {**shown, "initials": initials(result.person), "tint": tint(result.person)}
    )
