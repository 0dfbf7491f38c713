"""`/api/auth/...`: sign-in and sign-out, tokens, one's own account and password."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.required_actions import has_required_action
from accounts.authentication import login
from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer, UserDetailAnswer
from accounts.core.catalogue import in_catalogue_order
from accounts.models import User
from accounts.passwords import services as password_services
from accounts.passwords.fields import password_field
from accounts.sessions import services as session_services
from accounts.sessions.refresh import SessionTokens, refresh_session
from reprotech.api.fields import StrictBooleanField, StrictStringField
from reprotech.api.request_bodies import EmptyBody, RequestBody
from reprotech.api.serialization import json_response, serialize
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD


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


def token_response(tokens: SessionTokens) -> Response:
    pair = tokens.pair
    body = {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "user": serialize(OwnAccountAnswer, tokens.session.user),
    }
    return Response(body)


class TokenViewSet(ViewSet):
    # Public: the caller has no valid access token yet.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []  # type: ignore[misc]
    required_permissions: ClassVar = dict.fromkeys(("login", "login_mfa", "refresh"), PUBLIC)

    @extend_schema(request=LoginBody, responses=TokenAnswer, summary="Sign in")
    def login(self, request: Request) -> Response:
        """Exchange a username or e-mail address and a password for a pair of tokens.

        Users with a second factor send `otp` too, a code of their authenticator app or a recovery code. Without it
        the answer is a 401 with the code `mfa_required` and an `mfa_token` for `/api/auth/login/mfa`.
        """
        body = LoginBody.read(request)
        identifier, password, otp = body["username"], body["password"], body.get("otp", "")
        return token_response(login.sign_in_with_tokens(identifier=identifier, password=password, otp=otp))

    @extend_schema(request=LoginMfaBody, responses=TokenAnswer, summary="Sign in: two-step verification")
    def login_mfa(self, request: Request) -> Response:
        """Exchange the `mfa_token` of a login, valid for five minutes and once, and a code for a pair of tokens."""
        return token_response(login.finish_with_tokens(**LoginMfaBody.read(request)))

    @extend_schema(request=RefreshBody, responses=TokenAnswer, summary="Get new tokens")
    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair; the old one stops working."""
        return token_response(refresh_session(**RefreshBody.read(request)))


class AccountViewSet(ViewSet):
    required_permissions: ClassVar = dict.fromkeys(("logout", "me", "change_password"), SIGNED_IN_TO_CHANGE_PASSWORD)
    open_to_keys: ClassVar = {"me"}

    @extend_schema(request=None, responses=MessageAnswer, summary="Sign out")
    def logout(self, request: SignedInRequest) -> Response:
        """End the session: its access tokens and its refresh token stop working at once."""
        EmptyBody.read(request)
        session_services.sign_out(session=request.auth)
        return Response({"message": "Successfully logged out"})

    @extend_schema(responses=OwnAccountAnswer, summary="Show your account")
    def me(self, request: SignedInRequest) -> HttpResponse:
        """The caller, with roles and permissions."""
        return json_response(OwnAccountAnswer, request.user)

    @extend_schema(request=ChangePasswordBody, responses=MessageAnswer, summary="Change your password")
    def change_password(self, request: SignedInRequest) -> Response:
        """Replace the password; all other sessions end."""
        body = ChangePasswordBody.read(request)
        password_services.change_password(actor=request.user, session_id=request.auth.pk, **body)
        return Response({"message": "Password changed successfully"})
