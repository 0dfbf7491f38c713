"""Optimistic locking by `ETag` and `If-Match` (RFC 9110), for changes of users and roles."""

from typing import Protocol

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from reprotech.core.exceptions import ValidationFailed


class Versioned(Protocol):
    @property
    def version(self) -> str:
        """Changes with the record; an ETag without its quotes."""


ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="The version that the answer shows, to be sent as `If-Match` with a change of it.",
)
#: One or more tags, weak ones too, or any version.
ETAG_PATTERN = r'^(\*|(W/)?"[!#-+\--~]*"(, *(W/)?"[!#-+\--~]*")*)$'
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": ETAG_PATTERN},
    OpenApiParameter.HEADER,
    description="The `ETag` from which the change starts: if someone else has changed it since, nothing is done and "
    "the answer is 412. Without it, or with `*`, the last change wins.",
)


def versioned_response(shown: Versioned, body: dict[str, object], status: int = 200) -> Response:
    return Response(body, status=status, headers={"ETag": f'"{shown.version}"'})


def expected_versions(request: Request) -> list[str]:
    """The versions in `If-Match`, none for any; raises ValidationFailed for a malformed header."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return []
    tags = parse_etags(header)
    if not tags:
        raise ValidationFailed({"If-Match": ['Send an ETag as it was given, with its quotes: "...".']})
    # A proxy that compresses answers makes their tags weak; they name a state here, not bytes.
    return [tag.removeprefix("W/").strip('"') for tag in tags]
