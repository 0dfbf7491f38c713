"""What proves the audit log: `/api/audit/keys`, `/checkpoints`, `/{id}/proof` and `/consistency`."""

from functools import partial
from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import (
    CheckpointAnswer,
    CheckpointListAnswer,
    ConsistencyAnswer,
    KeyAnswer,
    KeyListAnswer,
    ProofAnswer,
)
from audit.export.proofs import find_checkpoint, prove_consistency, prove_inclusion
from audit.filters import CheckpointFilter, CheckpointQuery, ConsistencyQuery, ProofQuery
from audit.models import Checkpoint, SigningKey
from audit.permissions import AUDIT_READ
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.query_params import QueryParams


class ProofViewSet(ViewSet):
    """Keys, checkpoints and proofs.

    Keys are public, but an auditor who doubts this server must have one from elsewhere.
    """

    required_permissions: ClassVar = dict.fromkeys(
        ("keys", "checkpoints", "latest", "proof", "consistency"), AUDIT_READ
    )

    @extend_schema(responses=KeyListAnswer, summary="Read the keys that sign the audit log")
    def keys(self, request: Request) -> Response:
        """Public keys, the oldest first; each but the first is endorsed by the one before."""
        QueryParams.parse(request.query_params)
        return Response({"keys": serialize_many(KeyAnswer, SigningKey.objects.all())})

    @extend_schema(
        parameters=query_parameters(CheckpointFilter), responses=CheckpointListAnswer, summary="Read checkpoints"
    )
    def checkpoints(self, request: Request) -> Response:
        """Checkpoints, newest first, a page at a time."""
        page = CheckpointFilter.parse(request.query_params).page_of(Checkpoint.objects.all())
        return Response(page.as_dict("checkpoints", partial(serialize_many, CheckpointAnswer)))

    @extend_schema(
        parameters=query_parameters(CheckpointQuery),
        responses={(200, "application/json"): CheckpointAnswer, (200, "text/plain"): str},
        summary="Read the newest checkpoint",
        description="With `format=text` the signed note alone, as witnesses and auditors keep it.",
    )
    def latest(self, request: Request) -> HttpResponse:
        query = CheckpointQuery.parse(request.query_params)
        checkpoint = find_checkpoint()
        if query.value("format") == "text":
            return HttpResponse(checkpoint.note, content_type="text/plain; charset=utf-8")
        return Response(CheckpointAnswer(checkpoint).data)

    @extend_schema(
        parameters=query_parameters(ProofQuery),
        responses=ProofAnswer,
        summary="Prove an event",
        description="Under the newest checkpoint, or the one of `size` events.",
    )
    def proof(self, request: Request, event_id: int) -> Response:
        query = ProofQuery.parse(request.query_params)
        return Response(ProofAnswer(prove_inclusion(event_id, query.value("size"))).data)

    @extend_schema(
        parameters=query_parameters(ConsistencyQuery),
        responses=ConsistencyAnswer,
        summary="Prove that the log only grew",
        description="`from` and `to` are sizes of checkpoints; the older must be the beginning of the newer.",
    )
    def consistency(self, request: Request) -> Response:
        query = ConsistencyQuery.parse(request.query_params)
        return Response(ConsistencyAnswer(prove_consistency(query.value("from"), query.value("to"))).data)
