"""Bodies of the API of applications."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField

from accounts.common.serializers import MessageAnswer, names_field
from accounts.models import Permission
from accounts.passwords.fields import password_field
from reprotech.api.fields import StrictBooleanField, StrictIntegerField, StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import PageAnswer
from sso.applications.addresses import MAX_ADDRESSES, MAX_LENGTH
from sso.applications.checks import find_problems
from sso.applications.own_permissions import MAX_DESCRIPTION, MAX_PERMISSIONS
from sso.applications.services import MAX_KEEP_HOURS
from sso.models import Application, SigningAlgorithm
from sso.models.applications import MAX_TOKEN_MINUTES, MIN_TOKEN_MINUTES


class StrictChoiceField(serializers.ChoiceField):
    """A JSON string that is one of the choices."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


def addresses_field() -> serializers.ListField:
    # One more than are allowed, so that the service's sentence is the answer.
    child = StrictStringField(max_length=MAX_LENGTH, trim_whitespace=False)
    return serializers.ListField(child=child, max_length=MAX_ADDRESSES * 5, required=False)


def text_field(length: int) -> StrictStringField:
    return StrictStringField(required=False, allow_blank=True, max_length=length)


class ProofFields(RequestBody):
    """What proves who asks, where a change gives an application the rights of an account."""

    current_password = password_field(required=False)
    otp = StrictStringField(required=False, max_length=20)


class ApplicationFields(ProofFields):
    """What can be set when it is created, and changed afterwards. All that is wrong is one answer."""

    description = text_field(200)
    home_url = text_field(MAX_LENGTH)
    redirect_uris = addresses_field()
    post_logout_redirect_uris = addresses_field()
    backchannel_logout_uri = text_field(MAX_LENGTH)
    roles = names_field(required=False)
    signing_alg = StrictChoiceField(choices=SigningAlgorithm.choices, required=False)
    offline_access = StrictBooleanField(required=False)
    device_grant = StrictBooleanField(
        required=False, help_text="Whether devices without a browser may ask for sign-ins (RFC 8628); false by default."
    )
    access_token_minutes = StrictIntegerField(required=False, min_value=MIN_TOKEN_MINUTES, max_value=MAX_TOKEN_MINUTES)
    service_account = StrictStringField(
        required=False,
        allow_blank=True,
        max_length=80,
        help_text="Username of the service account that it acts as by itself (client credentials); empty for none.",
    )
    is_active = StrictBooleanField(required=False)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as refusal:
            # The fields that are well formed are checked too, by the service's rules.
            errors: Any = refusal.detail
            others = find_problems(self._valid_fields(data, errors), self.context.get("application_id"))
            raise serializers.ValidationError({**others, **errors}) from None

    def _valid_fields(self, data: Any, errors: Mapping[str, object]) -> dict[str, object]:
        values = {}
        for name, field in self.fields.items():
            if isinstance(data, Mapping) and name in data and name not in errors:
                with suppress(serializers.ValidationError, SkipField):
                    values[name] = field.run_validation(data[name])
        return values


class CreateApplicationBody(ApplicationFields):
    """Request body of `POST /api/applications`."""

    name = StrictStringField(max_length=80)
    slug = StrictStringField(max_length=16, help_text="Begins the names of its permissions, and never changes.")
    kind = StrictChoiceField(choices=Application.Kind.choices, required=False)


class UpdateApplicationBody(ApplicationFields):
    """`PUT` and `PATCH /api/applications/{id}`: what is left out stays as it is."""

    hints = {
        **dict.fromkeys(
            ("id", "client_id", "slug", "kind", "created_at", "updated_at", "sign_in_count"), "This can't be changed."
        ),
        "client_secret": "Make a new one with POST /api/applications/{id}/secret.",
    }

    name = StrictStringField(required=False, max_length=80)


class SecretBody(ProofFields):
    """Request body of `POST /api/applications/{id}/secret`."""

    keep_old_hours = StrictIntegerField(
        required=False,
        min_value=0,
        max_value=MAX_KEEP_HOURS,
        help_text="How long the old secret stays good; 0, the default: not at all.",
    )


class ApplicationAnswer(serializers.Serializer[Application]):
    """An application."""

    id = serializers.IntegerField()
    client_id = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    home_url = serializers.CharField()
    kind = serializers.ChoiceField(choices=Application.Kind.choices)
    redirect_uris = serializers.ListField(child=serializers.CharField())
    post_logout_redirect_uris = serializers.ListField(child=serializers.CharField())
    backchannel_logout_uri = serializers.CharField()
    roles = serializers.ListField(
        child=serializers.CharField(), source="role_names", help_text="Roles that open it; none: everybody may."
    )
    signing_alg = serializers.ChoiceField(choices=SigningAlgorithm.choices)
    offline_access = serializers.BooleanField()
    device_grant = serializers.BooleanField()
    access_token_minutes = serializers.IntegerField()
    service_account = serializers.SerializerMethodField()
    is_active = serializers.BooleanField()
    secret_created_at = serializers.DateTimeField(allow_null=True)
    previous_secret_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when the secret before the present one is good."
    )
    sign_in_count = serializers.IntegerField(
        help_text="People who are signed in to it now; 1000 stands for so many or more."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_service_account(self, application: Application) -> str | None:
        return application.service_account.username if application.service_account else None


class ApplicationListAnswer(PageAnswer):
    """A page of applications."""

    applications = ApplicationAnswer(many=True)


class ApplicationChangedAnswer(MessageAnswer):
    """The outcome, and the application after the change."""

    application = ApplicationAnswer()


class ApplicationSecretAnswer(ApplicationChangedAnswer):
    """The same with the secret of a confidential application, which is shown only now."""

    client_secret = serializers.CharField(required=False)


class PermissionEntry(RequestBody):
    """A permission that an application brings."""

    resource = StrictStringField(max_length=100)
    action = StrictStringField(max_length=100)
    description = StrictStringField(max_length=MAX_DESCRIPTION)


class PermissionsBody(RequestBody):
    """All permissions of an application."""

    permissions = serializers.ListField(child=PermissionEntry(), max_length=MAX_PERMISSIONS * 2)


class OwnPermissionAnswer(serializers.Serializer[Permission]):
    """A permission of an application."""

    name = serializers.CharField()
    resource = serializers.CharField()
    action = serializers.CharField()
    description = serializers.CharField()
    is_retired = serializers.BooleanField(help_text="It is no longer listed, and stays while a role holds it.")


class OwnPermissionsAnswer(serializers.Serializer[object]):
    """The permissions of an application."""

    permissions = OwnPermissionAnswer(many=True)


class RegistrationAnswer(OwnPermissionsAnswer):
    """The permissions after a registration, and what became of each name."""

    added = serializers.ListField(child=serializers.CharField())
    kept = serializers.ListField(child=serializers.CharField())
    retired = serializers.ListField(child=serializers.CharField())
