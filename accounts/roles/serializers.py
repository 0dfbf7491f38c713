from rest_framework import serializers

from accounts.common.serializers import MessageAnswer, names_field
from accounts.models import Permission, Role
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import RequestBody

MAY_GRANT = "Roles that people with this role may give to others, without holding what these give, and take from them."

IS_REQUESTABLE = "Whether everyone may read its name and ask for it."


class CreateRoleBody(RequestBody):
    """Request body of `POST /api/roles`."""

    name = StrictStringField(max_length=80)
    description = StrictStringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = StrictBooleanField(required=False)
    is_requestable = StrictBooleanField(required=False, help_text=IS_REQUESTABLE)
    may_grant = names_field(required=False)


class UpdateRoleBody(RequestBody):
    """`PUT` and `PATCH /api/roles/{id}`: what is left out stays as it is."""

    hints = dict.fromkeys(("id", "slug", "is_system", "user_count"), "This can't be changed.")

    name = StrictStringField(required=False, max_length=80)
    description = StrictStringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = StrictBooleanField(required=False)
    is_requestable = StrictBooleanField(required=False, help_text=IS_REQUESTABLE)
    may_grant = names_field(required=False)


class RoleAnswer(serializers.Serializer[Role]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField(), source="permission_names")
    requires_factor = serializers.BooleanField()
    is_requestable = serializers.BooleanField(help_text=IS_REQUESTABLE)
    may_grant = serializers.ListField(child=serializers.CharField(), source="may_grant_names", help_text=MAY_GRANT)
    is_system = serializers.BooleanField()
    user_count = serializers.IntegerField()


class RoleListAnswer(serializers.Serializer[object]):
    roles = RoleAnswer(many=True)


class RoleChangedAnswer(MessageAnswer):
    """The outcome, and the role after the change."""

    role = RoleAnswer()


class PermissionAnswer(serializers.Serializer[Permission]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    resource = serializers.CharField()
    action = serializers.CharField()
    application = serializers.SerializerMethodField()
    is_retired = serializers.BooleanField(
        help_text="Its application no longer has it: roles keep it, and it can't be given any more."
    )

    def get_application(self, permission: Permission) -> str | None:
        """The short name of the application that brings it; null for those of Reprotech."""
        return permission.application_slug or None


class PermissionListAnswer(serializers.Serializer[object]):
    permissions = PermissionAnswer(many=True)
