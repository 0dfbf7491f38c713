"""`/api/audit`."""

from functools import partial
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import AUDIT_READ
from audit.api.serializers import AuditLogAnswer, AuditLogListAnswer
from audit.filters import AuditFilter
from audit.models import AuditLog
from reprotech.api_parsing import many
from reprotech.api_schema import query_parameters


class AuditLogViewSet(ViewSet):
    """The audit log."""

    required_permissions: ClassVar = {"list": AUDIT_READ}

    @extend_schema(parameters=query_parameters(AuditFilter), responses=AuditLogListAnswer, summary="Read the audit log")
    def list(self, request: Request) -> Response:
        """Events, newest first, a page at a time."""
        page = AuditFilter.parse(request.query_params).page_of(AuditLog.objects.all())
        return Response(page.as_dict("logs", partial(many, AuditLogAnswer)))
