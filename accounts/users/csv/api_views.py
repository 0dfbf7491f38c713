"""The API that exports users as CSV."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema

from accounts.common.requests import SignedInRequest
from accounts.models import User
from accounts.permissions import USER_READ
from accounts.user_list.filters import UserQuery
from accounts.users.csv.export import csv_response, start_export
from reprotech.api.schema import query_parameters
from reprotech.api.viewsets import ViewSet
from reprotech.web.fields import ByteOrderMarkParam


class UserExport(UserQuery):
    bom = ByteOrderMarkParam()


class UserFileViewSet(ViewSet):
    required_permissions: ClassVar = {"export": USER_READ}

    @extend_schema(
        operation_id="users_export",
        parameters=query_parameters(UserExport),
        responses={(200, "text/csv"): str},
        summary="Export users",
        description="A CSV file, streamed: several roles are separated by `;`. The export is itself recorded.",
    )
    def export(self, request: SignedInRequest) -> StreamingHttpResponse:
        """All users that the filters let through, as a file."""
        query = UserExport.parse(request.query_params)
        users = query.apply(User.objects.visible_to(request.user))
        with_bom = query.value("bom") == "true"
        return csv_response(start_export(actor=request.user, users=users, filters=query.given), with_bom=with_bom)
