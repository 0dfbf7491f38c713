"""The API of the audit log, `/api/audit`."""

from functools import partial
from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import AuditLogAnswer, AuditLogListAnswer
from audit.export.files import export_response
from audit.filters import AuditExport, AuditFilter
from audit.models import AuditLog
from audit.permissions import AUDIT_EXPORT, AUDIT_READ
from reprotech.api.requests import SignedInRequest
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet


class AuditLogViewSet(ViewSet):
    required_permissions: ClassVar = {"list": AUDIT_READ, "export": AUDIT_EXPORT}

    @extend_schema(parameters=query_parameters(AuditFilter), responses=AuditLogListAnswer, summary="Read the audit log")
    def list(self, request: Request) -> Response:
        """Events, newest first, a page at a time."""
        page = AuditFilter.parse(request.query_params).page_of(AuditLog.objects.all())
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
        query = AuditExport.parse(request.query_params)
        return export_response(actor=request.user, query=query, with_bom=query.value("bom") == "true")
