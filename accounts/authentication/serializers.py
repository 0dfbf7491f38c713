"""Request bodies and responses of sign-in."""

from rest_framework import serializers

from accounts.access.required_actions import has_required_action
from accounts.common.serializers import UserDetailAnswer
from accounts.core.catalogue import in_catalogue_order
from accounts.models import User
from accounts.passwords.serializers import password_field
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import RequestBody


class LoginBody(RequestBody):
    """Credentials to sign in with."""

    null_is_absent = True

    username = StrictStringField(max_length=254)
    password = password_field()
    otp = StrictStringField(required=False, allow_blank=True, max_length=32)


class LoginMfaBody(RequestBody):
    """The second step of a sign-in."""

    mfa_token = StrictStringField(max_length=4096)
    otp = StrictStringField(max_length=32)


class RefreshBody(RequestBody):
    """A refresh token to exchange."""

    refresh_token = StrictStringField(max_length=4096)


class ChangePasswordBody(RequestBody):
    """The current password and a new one."""

    null_is_absent = True

    current_password = password_field()
    new_password = password_field()
    revoke_keys = StrictBooleanField(required=False, help_text="Whether all own API keys are revoked too.")


class OwnAccountAnswer(UserDetailAnswer):
    """The signed-in user; without permissions while the password must be changed or a second factor set up."""

    def get_permissions(self, user: User) -> list[str]:
        return [] if has_required_action(user) else in_catalogue_order(user.get_all_permissions())


class TokenAnswer(serializers.Serializer[object]):
    """A pair of tokens and their user."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    user = OwnAccountAnswer()
