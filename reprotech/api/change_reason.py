"""The reason of an API call that changes something."""

from collections.abc import Mapping

from rest_framework.request import Request

from reprotech.api.parsers import media_type_of
from reprotech.core.change_reason import FIELD, HEADER, ReasonRefused, read_reason
from reprotech.core.request_context import set_reason

MULTIPART = "multipart/form-data"
JSON = "application/json"


def read_api_reason(request: Request) -> None:
    """Read it from the header and the body of a signed-in caller; raises ReasonRefused."""
    reason = read_reason(_in_body(request), request.META.get(HEADER))
    if reason.problem:
        raise ReasonRefused(reason.problem)
    set_reason(reason)


def _in_body(request: Request) -> object:
    # A body that the view can't parse is the view's to refuse, or to pass over.
    readable = {parser.media_type for parser in request.parsers or ()} & {JSON, MULTIPART}
    if media_type_of(request) not in readable:
        return None
    body: object = request.data
    return body.get(FIELD) if isinstance(body, Mapping) else None
