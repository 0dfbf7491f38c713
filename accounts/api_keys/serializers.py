"""Request bodies and responses about API keys."""

from rest_framework import serializers

from accounts.api_keys.services import DEFAULT_DAYS, MAX_ADDRESSES, MAX_DAYS
from accounts.common.serializers import MessageAnswer, names_field
from accounts.models import ApiKey
from accounts.passwords.fields import password_field
from reprotech.api.fields import (
    AddressOutputField,
    NetworkField,
    NetworkOutputField,
    StrictIntegerField,
    StrictStringField,
)
from reprotech.api.request_bodies import RequestBody


class CreateKeyBody(RequestBody):
    """The name, permissions and lifetime of a new API key."""

    null_is_absent = True

    name = StrictStringField(max_length=80)
    scopes = names_field()
    expires_in_days = StrictIntegerField(
        required=False, min_value=1, max_value=MAX_DAYS, help_text=f"{DEFAULT_DAYS} unless given."
    )
    addresses = serializers.ListField(child=NetworkField(), max_length=MAX_ADDRESSES, required=False)
    current_password = password_field(
        required=False, help_text="Needed if the session of the access token began more than `SUDO_MINUTES` ago."
    )
    otp = StrictStringField(
        required=False,
        allow_blank=True,
        max_length=32,
        help_text="Needed together with it, if the account has a second factor.",
    )


class ApiKeyAnswer(serializers.Serializer[ApiKey]):
    """An API key, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    addresses = serializers.ListField(child=NetworkOutputField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_expired = serializers.BooleanField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_from = AddressOutputField(allow_null=True)
    created_by = serializers.CharField(
        source="maker_name", allow_null=True, help_text="Who made it; null if that isn't known any more."
    )


class ApiKeyListAnswer(serializers.Serializer[object]):
    """All unrevoked keys of a user."""

    keys = ApiKeyAnswer(many=True)


class ApiKeyCreatedAnswer(MessageAnswer):
    """A new key and its token, which is shown only now."""

    key = ApiKeyAnswer()
    token = serializers.CharField(help_text="Send it as `Authorization: Bearer <token>`. It can't be shown again.")
