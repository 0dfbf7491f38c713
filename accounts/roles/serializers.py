"""Request bodies and answers about roles and permissions."""

from typing import Any

from rest_framework import serializers

from accounts.common.serializers import MessageAnswer, names_field
from accounts.models import Role
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import RequestBody


class CreateRoleBody(RequestBody):
    """`POST /api/roles`."""

    name = StrictStringField(max_length=80)
    description = StrictStringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = StrictBooleanField(required=False)


class UpdateRoleBody(RequestBody):
    """`PUT` and `PATCH /api/roles/{id}`: what is left out stays as it is."""

    hints = dict.fromkeys(("id", "slug", "is_system", "user_count"), "This can't be changed.")

    name = StrictStringField(required=False, max_length=80)
    description = StrictStringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = StrictBooleanField(required=False)


class RoleAnswer(serializers.Serializer[Role]):
    """A role."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField(), source="permission_names")
    requires_factor = serializers.BooleanField()
    is_system = serializers.BooleanField()
    user_count = serializers.IntegerField()


class RoleListAnswer(serializers.Serializer[Any]):
    """All roles."""

    roles = RoleAnswer(many=True)


class RoleChangedAnswer(MessageAnswer):
    """An outcome, and the role as it is now."""

    role = RoleAnswer()


class PermissionAnswer(serializers.Serializer[Any]):
    """A permission."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    resource = serializers.CharField()
    action = serializers.CharField()


class PermissionListAnswer(serializers.Serializer[Any]):
    """All permissions."""

    permissions = PermissionAnswer(many=True)
