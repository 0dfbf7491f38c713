"""The API of the audit log, `/api/audit`: events, and what proves them."""

from functools import partial
from typing import ClassVar

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import (
    AuditLogAnswer,
    AuditLogListAnswer,
    CheckpointAnswer,
    CheckpointListAnswer,
    ConsistencyAnswer,
    KeyAnswer,
    KeyListAnswer,
    ProofAnswer,
)
from audit.export.bundles import find_checkpoint, prove_consistency, prove_inclusion
from audit.export.files import export_response
from audit.filters import AuditExport, AuditFilter, CheckpointFilter, CheckpointQuery, ConsistencyQuery, ProofQuery
from audit.models import AuditLog, Checkpoint, SigningKey
from audit.permissions import AUDIT_EXPORT, AUDIT_READ
from reprotech.api.requests import SignedInRequest
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.query_params import QueryParams


class AuditLogViewSet(ViewSet):
    required_permissions: ClassVar = {"list": AUDIT_READ, "export": AUDIT_EXPORT}

    @extend_schema(parameters=query_parameters(AuditFilter), responses=AuditLogListAnswer, summary="Read the audit log")
    def list(self, request: SignedInRequest) -> Response:
        """Events, newest first, a page at a time."""
        page = AuditFilter.parse(request.query_params, reader=request.user).page_of(AuditLog.objects.all())
        return Response(page.as_dict("logs", partial(serialize_many, AuditLogAnswer)))

    @extend_schema(
        parameters=query_parameters(AuditExport),
        responses={(200, "text/csv"): str, (200, "application/x-ndjson"): str},
        summary="Export the audit log",
        description=(
            "A CSV file, or a JSON object on each line, newest first; or a bundle, which proves itself to "
            "`scripts/verify-export`: the sealed events in the order of their sealing, all of them, those from place "
            "`start` until before place `end`, or those that filters let through. Streamed, and itself recorded."
        ),
    )
    def export(self, request: SignedInRequest) -> StreamingHttpResponse:
        query = AuditExport.parse(request.query_params, reader=request.user)
        return export_response(actor=request.user, query=query, with_bom=query.value("bom") == "true")


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
        summary="Get the proof of an event",
        description="Under the newest checkpoint, or the one of `size` events.",
    )
    def proof(self, request: Request, event_id: int) -> Response:
        query = ProofQuery.parse(request.query_params)
        return Response(prove_inclusion(event_id, query.value("size")))

    @extend_schema(
        parameters=query_parameters(ConsistencyQuery),
        responses=ConsistencyAnswer,
        summary="Prove that the log only grew",
        description="`from` and `to` are sizes of checkpoints; the older must be the beginning of the newer.",
    )
    def consistency(self, request: Request) -> Response:
        query = ConsistencyQuery.parse(request.query_params)
        return Response(prove_consistency(query.value("from"), query.value("to")))
