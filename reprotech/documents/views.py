"""The guides in `docs/`, for everybody who is signed in: they describe the product and hold no data."""

from django.http import Http404, HttpResponse

from accounts.common.requests import PageRequest
from reprotech.documents.library import HOME, documents, neighbours, sections
from reprotech.web.access import SAFE, SIGNED_IN, requires
from reprotech.web.responses import render_page


@requires(SIGNED_IN, SAFE)
def show_document(request: PageRequest, name: str = HOME) -> HttpResponse:
    document = documents().get(name)
    if document is None:
        raise Http404
    before, after = neighbours(document)
    home = documents()[HOME]
    context = {
        "document": document,
        "sections": sections(),
        "before": before,
        "after": after,
        "crumbs": [("Help", None)] if document is home else [("Help", home.url), (document.title, None)],
    }
    return render_page(request, "documents/document.html", context)
