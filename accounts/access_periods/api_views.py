"""The API of the roles of one user: giving one for a period, and taking one."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.access_periods import services
from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer, RoleGrantAnswer
from accounts.models import RoleGrant
from accounts.periods.api_fields import EndField, StartField
from accounts.permissions import USER_UPDATE
from accounts.users.api_views import user_changed_response
from accounts.users.serializers import UserChangedAnswer
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions
from reprotech.api.fields import StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import serialize
from reprotech.api.viewsets import ViewSet


class GiveRoleBody(RequestBody):
    """Request body of `POST /api/users/{id}/roles`."""

    role = StrictStringField(max_length=80, help_text="Its name or slug.")
    starts_at = StartField(help_text="Left out or null: now.")
    ends_at = EndField(help_text="Left out or null: no end.")


class RoleGivenAnswer(MessageAnswer):
    """The outcome, and what was given."""

    grant = RoleGrantAnswer()


class UserRoleViewSet(ViewSet):
    required_permissions: ClassVar = {"create": USER_UPDATE, "destroy": USER_UPDATE}

    @extend_schema(
        request=GiveRoleBody,
        responses={201: RoleGivenAnswer},
        parameters=[IF_MATCH],
        summary="Assign a role to a user",
    )
    def create(self, request: SignedInRequest, user_id: int) -> Response:
        """Give one role and leave the others, from now or a later start, for good or until an end.

        A role that the user has for a part of that time is a 409.
        """
        grant = services.grant_role(
            actor=request.user,
            user_id=user_id,
            expected_versions=expected_versions(request),
            **GiveRoleBody.read(request),
        )
        stored = RoleGrant.objects.select_related("role", "granted_by").get(pk=grant.pk)
        body = {"message": "Role assigned successfully", "grant": serialize(RoleGrantAnswer, stored)}
        return Response(body, status=201)

    @extend_schema(responses={200: UserChangedAnswer}, parameters=[IF_MATCH, ETAG], summary="Remove a role from a user")
    def destroy(self, request: SignedInRequest, user_id: int, role: str) -> Response:
        """Remove a role, by name or slug, also where it begins later."""
        services.revoke_role(
            actor=request.user, user_id=user_id, role=role, expected_versions=expected_versions(request)
        )
        return user_changed_response(request, user_id, "Role removed successfully")
