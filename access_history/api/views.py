"""`/api/access`."""

from functools import partial
from typing import ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from access_history.api.serializers import AccessAnswer, AccessListAnswer, CheckpointFactsAnswer
from access_history.questions.answers import answer
from access_history.questions.bundles import file_response
from access_history.questions.filters import AccessFilter
from access_history.questions.windows import utc_text
from accounts.common.requests import SignedInRequest
from audit.permissions import AUDIT_READ
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import plain_json, serialize, serialize_many
from reprotech.api.viewsets import ViewSet


class AccessViewSet(ViewSet):
    required_permissions: ClassVar = {"list": AUDIT_READ}

    @extend_schema(
        parameters=query_parameters(AccessFilter),
        responses={
            (200, "application/json"): AccessListAnswer,
            (200, "text/csv"): str,
            (200, "application/x-ndjson"): str,
        },
        summary="Read who had access",
    )
    def list(self, request: SignedInRequest) -> HttpResponseBase:
        """Who had which access at a moment, or at any moment of a day, in the order of the accounts' numbers.

        Needs `user_read` too. Every account that existed is in it, also those that couldn't be used: see `status`.
        With `format=csv` all of it, and with `format=bundle` the events that it rests on with their proofs, for
        `scripts/verify-export`; both are recorded.
        """
        query = AccessFilter.from_request(request)
        if query.file_format:
            return file_response(actor=request.user, query=query, with_bom=query.value("bom") == "true")
        found = answer(actor=request.user, query=query)
        window = found.question.window
        return plain_json(
            {
                "at": None if window.day else utc_text(window.begin),
                "on": window.day and window.day.isoformat(),
                "checkpoint": found.checkpoint and serialize(CheckpointFactsAnswer, found.checkpoint),
                "unsealed": found.unsealed,
                "complete_to": found.complete_to and utc_text(found.complete_to),
                **found.page.as_dict("users", partial(serialize_many, AccessAnswer)),
            }
        )
