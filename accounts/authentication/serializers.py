"""Request bodies and answers of signing in."""

from typing import Any

from rest_framework import serializers

from accounts.access.required_actions import has_required_action
from accounts.common.serializers import UserDetailAnswer
from accounts.core.catalogue import in_catalogue_order
from accounts.models import User
from accounts.passwords.serializers import password_field
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import RequestBody


class LoginBody(RequestBody):
    """`POST /api/auth/login`."""

    null_is_absent = True

    username = StrictStringField(max_length=254)
    password = password_field()
    otp = StrictStringField(required=False, allow_blank=True, max_length=32)


class LoginMfaBody(RequestBody):
    """`POST /api/auth/login/mfa`."""

    mfa_token = StrictStringField(max_length=4096)
    otp = StrictStringField(max_length=32)


class RefreshBody(RequestBody):
    """`POST /api/auth/refresh`."""

    refresh_token = StrictStringField(max_length=4096)


class ChangePasswordBody(RequestBody):
    """`POST /api/auth/change-password`."""

    null_is_absent = True

    current_password = password_field()
    new_password = password_field()
    revoke_keys = StrictBooleanField(required=False, help_text="Whether all own API keys are revoked too.")


class OwnAccountAnswer(UserDetailAnswer):
    """Who is signed in, with what they may do now: nothing while the password must be changed or a factor set up."""

    def get_permissions(self, user: User) -> list[str]:
        """What they can do in this request, in the catalogue's order; nothing before a required action is done."""
        return [] if has_required_action(user) else in_catalogue_order(user.get_all_permissions())


class TokenAnswer(serializers.Serializer[Any]):
    """A pair of tokens, and whose they are."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
    user = OwnAccountAnswer()
