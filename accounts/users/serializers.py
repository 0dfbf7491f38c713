from typing import Any

from rest_framework import serializers

from accounts.common.serializers import MessageAnswer, RoleGrantAnswer, UserAnswer, UserDetailAnswer, names_field
from accounts.passwords.fields import password_field
from accounts.periods.api_fields import EndField, StartField
from accounts.periods.grants import NewGrant
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import PageAnswer
from reprotech.core.change_reason import MAX_REASON_LENGTH

ROLES_TWICE = "Send roles or role_grants, not both."


class RoleGrantBody(RequestBody):
    """A role for a period."""

    hints = dict.fromkeys(("granted_by", "granted_at"), "This can't be changed.")

    role = StrictStringField(max_length=80, help_text="Its name or slug.")
    starts_at = StartField(help_text="Left out or null: now.")
    ends_at = EndField(help_text="Left out or null: no end.")
    reason = StrictStringField(required=False, allow_blank=True, max_length=MAX_REASON_LENGTH)


class ListedGrantBody(RoleGrantBody):
    """One of all grants of a user, as a record that was read has it."""

    hints = {}

    granted_by = StrictStringField(required=False, allow_null=True, max_length=80, help_text="Only as it was read.")
    granted_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Only as it was read.")


class PeriodsBody(RequestBody):
    """The part of a request that says from when until when."""

    starts_at = StartField(help_text="When the account begins; null: now.")
    ends_at = EndField(help_text="When the account ends; null: never.")
    role_grants = ListedGrantBody(
        many=True, required=False, max_length=200, help_text="In place of `roles`: all roles, with their periods."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "roles" in attrs and "role_grants" in attrs:
            raise serializers.ValidationError({"role_grants": [ROLES_TWICE]})
        if "role_grants" in attrs:
            attrs["role_grants"] = [NewGrant(**grant) for grant in attrs["role_grants"]]
        return attrs


class CreateUserBody(PeriodsBody):
    """Request body of `POST /api/users`."""

    username = StrictStringField(max_length=80)
    email = StrictStringField(max_length=254)
    password = password_field(required=False)
    first_name = StrictStringField(required=False, allow_blank=True, max_length=50)
    last_name = StrictStringField(required=False, allow_blank=True, max_length=50)
    roles = names_field(required=False)
    is_active = StrictBooleanField(required=False)
    is_service = StrictBooleanField(required=False, help_text="Of a script or lab module: no password, API keys alone.")


class UpdateUserBody(PeriodsBody):
    """`PUT` and `PATCH /api/users/{id}`: what is left out stays as it is."""

    hints = {
        "password": "Set it with POST /api/users/{id}/reset-password.",
        "permissions": "They come from the roles.",
        **dict.fromkeys(("id", "is_service", "created_at", "updated_at", "last_login"), "This can't be changed."),
    }

    username = StrictStringField(required=False, max_length=80)
    email = StrictStringField(required=False, max_length=254)
    first_name = StrictStringField(required=False, allow_blank=True, max_length=50)
    last_name = StrictStringField(required=False, allow_blank=True, max_length=50)
    roles = names_field(required=False)
    is_active = StrictBooleanField(required=False)


class ResetPasswordBody(RequestBody):
    """Request body of `POST /api/users/{id}/reset-password`."""

    null_is_absent = True

    password = password_field(required=False)


class ErasedAnswer(MessageAnswer):
    """The outcome of erasing personal data."""

    events = serializers.IntegerField(help_text="Events of the audit log of which something was erased")


class UserRecordAnswer(UserDetailAnswer):
    """A user with everything that administrators see of them."""

    role_grants = RoleGrantAnswer(many=True, source="unended_grants")


class UserChangedAnswer(MessageAnswer):
    """The outcome, and the user after the change."""

    user = UserRecordAnswer()


class UserListAnswer(PageAnswer):
    users = UserAnswer(many=True)
