"""`/api/auth/...`: sign-in and sign-out, tokens, one's own account and password."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import login
from accounts.authentication.serializers import (
    ChangePasswordBody,
    LoginBody,
    LoginMfaBody,
    OwnAccountAnswer,
    RefreshBody,
    TokenAnswer,
)
from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.passwords import services as password_services
from accounts.sessions import services as session_services
from accounts.sessions.refresh import SessionTokens, refresh_session
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.serialization import json_response, serialize
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD


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

    @extend_schema(request=LoginMfaBody, responses=TokenAnswer, summary="Sign in: second step")
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

    @extend_schema(responses=OwnAccountAnswer, summary="Who am I?")
    def me(self, request: SignedInRequest) -> HttpResponse:
        """The caller, with roles and permissions."""
        return json_response(OwnAccountAnswer, request.user)

    @extend_schema(request=ChangePasswordBody, responses=MessageAnswer, summary="Change one's own password")
    def change_password(self, request: SignedInRequest) -> Response:
        """Replace the password; all other sessions end."""
        body = ChangePasswordBody.read(request)
        password_services.change_password(actor=request.user, session_id=request.auth.pk, **body)
        return Response({"message": "Password changed successfully"})
