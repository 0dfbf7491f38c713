"""The API of roles and permissions."""

from typing import ClassVar

from django import forms
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.common import serializers as shapes
from accounts.common.requests import SignedInRequest
from accounts.models import Permission, Role
from accounts.models.querysets import PermissionQuerySet
from accounts.permissions import ROLE_CREATE, ROLE_DELETE, ROLE_READ, ROLE_UPDATE
from accounts.roles import serializers as role_serializers
from accounts.roles import services as role_services
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions, versioned_response
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotFound
from reprotech.web.query_params import QueryParams


class RoleDeletion(QueryParams):
    reassign_to = forms.CharField(required=False, max_length=80)


class PermissionFilter(QueryParams):
    application = forms.CharField(required=False, max_length=16, help_text="The short name of an application.")

    def apply(self, permissions: PermissionQuerySet) -> PermissionQuerySet:
        slug = self.value("application")
        return permissions.filter(application_slug=slug) if slug else permissions


def find_role(role_id: int) -> Role:
    role = Role.objects.with_permissions().with_may_grant().with_user_count().filter(pk=role_id).first()
    if role is None:
        raise NotFound("role")
    return role


class RoleViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": ROLE_READ,
        "retrieve": ROLE_READ,
        "create": ROLE_CREATE,
        "update": ROLE_UPDATE,
        "destroy": ROLE_DELETE,
    }

    @extend_schema(responses=role_serializers.RoleListAnswer, summary="List roles")
    def list(self, request: SignedInRequest) -> Response:  # noqa: ARG002
        """All roles, system roles first."""
        roles = Role.objects.with_permissions().with_may_grant().with_user_count()
        return Response({"roles": serialize_many(role_serializers.RoleAnswer, roles)})

    @extend_schema(
        request=role_serializers.CreateRoleBody,
        responses={201: role_serializers.RoleChangedAnswer},
        parameters=[ETAG],
        summary="Create a role",
    )
    def create(self, request: SignedInRequest) -> Response:
        """Create a role that holds no more than the caller does."""
        role = role_services.create_role(actor=request.user, **role_serializers.CreateRoleBody.read(request))
        return self._changed(role.pk, "Role created successfully", status=201)

    @extend_schema(responses=role_serializers.RoleAnswer, parameters=[ETAG], summary="Show a role")
    def retrieve(self, request: SignedInRequest, role_id: int) -> Response:  # noqa: ARG002
        """A role with its permissions and number of users."""
        role = find_role(role_id)
        return versioned_response(role, serialize(role_serializers.RoleAnswer, role))

    @extend_schema(
        request=role_serializers.UpdateRoleBody,
        responses=role_serializers.RoleChangedAnswer,
        parameters=[IF_MATCH, ETAG],
        summary="Change a role",
    )
    def update(self, request: SignedInRequest, role_id: int) -> Response:
        """Change what is given, and leave the rest."""
        body = role_serializers.UpdateRoleBody.read(request)
        role_services.update_role(
            actor=request.user, role_id=role_id, expected_versions=expected_versions(request), **body
        )
        return self._changed(role_id, "Role updated successfully")

    @extend_schema(
        parameters=[*query_parameters(RoleDeletion), IF_MATCH],
        responses={200: shapes.MessageAnswer},
        summary="Delete a role",
    )
    def destroy(self, request: SignedInRequest, role_id: int) -> Response:
        """Delete a role that nobody holds or, with `reassign_to`, one whose users get another."""
        reassign_to = RoleDeletion.parse(request.query_params).value("reassign_to")
        role_services.delete_role(
            actor=request.user,
            role_id=role_id,
            reassign_to=reassign_to or None,
            expected_versions=expected_versions(request),
        )
        return Response({"message": "Role deleted successfully"})

    def _changed(self, role_id: int, message: str, status: int = 200) -> Response:
        role = find_role(role_id)
        return versioned_response(
            role, {"message": message, "role": serialize(role_serializers.RoleAnswer, role)}, status
        )


class PermissionViewSet(ViewSet):
    required_permissions: ClassVar = {"list": ROLE_READ}

    @extend_schema(
        parameters=query_parameters(PermissionFilter),
        responses=role_serializers.PermissionListAnswer,
        summary="List permissions",
    )
    def list(self, request: SignedInRequest) -> Response:
        """Every permission of the catalogue by resource, and then those that applications bring."""
        permissions = PermissionFilter.parse(request.query_params).apply(Permission.objects.all())
        return Response({"permissions": serialize_many(role_serializers.PermissionAnswer, permissions)})
