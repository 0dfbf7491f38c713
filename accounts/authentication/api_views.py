"""`/api/auth/...`: signing in and out, tokens, one's own password and sessions."""

from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import login as authentication_login
from accounts.authentication import serializers as authentication_serializers
from accounts.common import serializers as shapes
from accounts.common.requests import SignedInRequest
from accounts.passwords import services as password_services
from accounts.sessions import refresh as session_refresh
from accounts.sessions import serializers as session_serializers
from accounts.sessions import services as session_services
from accounts.sessions.filters import SessionFilter
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import json_response, serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD


def token_response(refreshed: session_refresh.SessionTokens) -> dict[str, Any]:
    """The body that login and refresh answer with."""
    pair = refreshed.pair
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "user": serialize(authentication_serializers.OwnAccountAnswer, refreshed.session.user),
    }


class TokenViewSet(ViewSet):
    """Login and refresh. Public: whoever calls them has no valid access token yet."""

    authentication_classes: ClassVar[list[Any]] = []  # type: ignore[misc]
    required_permissions: ClassVar = dict.fromkeys(("login", "login_mfa", "refresh"), PUBLIC)

    @extend_schema(
        request=authentication_serializers.LoginBody,
        responses=authentication_serializers.TokenAnswer,
        summary="Sign in",
    )
    def login(self, request: Request) -> Response:
        """Exchange a username or e-mail address and a password for a pair of tokens.

        Whoever has a second factor sends `otp` too, a code of their authenticator app or a recovery code. Without it
        the answer is a 401 with the code `mfa_required` and an `mfa_token` for `/api/auth/login/mfa`.
        """
        body = authentication_serializers.LoginBody.read(request)
        signed_in = authentication_login.sign_in_with_tokens(
            identifier=body["username"], password=body["password"], otp=body.get("otp", "")
        )
        return Response(token_response(signed_in))

    @extend_schema(
        request=authentication_serializers.LoginMfaBody,
        responses=authentication_serializers.TokenAnswer,
        summary="Sign in: second step",
    )
    def login_mfa(self, request: Request) -> Response:
        """Exchange the `mfa_token` of a login, good for five minutes and once, and a code for a pair of tokens."""
        body = authentication_serializers.LoginMfaBody.read(request)
        return Response(
            token_response(authentication_login.finish_with_tokens(mfa_token=body["mfa_token"], otp=body["otp"]))
        )

    @extend_schema(
        request=authentication_serializers.RefreshBody,
        responses=authentication_serializers.TokenAnswer,
        summary="Get new tokens",
    )
    def refresh(self, request: Request) -> Response:
        """Spend a refresh token for a new pair; the old one is good no longer."""
        body = authentication_serializers.RefreshBody.read(request)
        return Response(token_response(session_refresh.refresh_session(refresh_token=body["refresh_token"])))


class AccountViewSet(ViewSet):
    """One's own account. Open to whoever is signed in, also before a forced change of password."""

    required_permissions: ClassVar = dict.fromkeys(("logout", "me", "change_password"), SIGNED_IN_TO_CHANGE_PASSWORD)
    open_to_keys: ClassVar = {"me"}

    @extend_schema(request=None, responses=shapes.MessageAnswer, summary="Sign out")
    def logout(self, request: SignedInRequest) -> Response:
        """End the session: its access tokens and its refresh token stop working at once."""
        EmptyBody.read(request)
        session_services.sign_out(session=request.auth)
        return Response({"message": "Successfully logged out"})

    @extend_schema(responses=authentication_serializers.OwnAccountAnswer, summary="Who am I?")
    def me(self, request: SignedInRequest) -> HttpResponse:
        """The caller, with roles and permissions."""
        return json_response(authentication_serializers.OwnAccountAnswer, request.user)

    @extend_schema(
        request=authentication_serializers.ChangePasswordBody,
        responses=shapes.MessageAnswer,
        summary="Change one's own password",
    )
    def change_password(self, request: SignedInRequest) -> Response:
        """Replace the password; all other sessions end."""
        body = authentication_serializers.ChangePasswordBody.read(request)
        password_services.change_password(actor=request.user, session_id=request.auth.pk, **body)
        return Response({"message": "Password changed successfully"})


class OwnSessionViewSet(ViewSet):
    """One's own sessions, by page and by token."""

    required_permissions: ClassVar = dict.fromkeys(("list", "destroy", "destroy_others"), SIGNED_IN_TO_CHANGE_PASSWORD)

    @extend_schema(
        parameters=query_parameters(SessionFilter),
        responses=session_serializers.SessionListAnswer,
        summary="List own sessions",
    )
    def list(self, request: SignedInRequest) -> Response:
        """Live sessions, the one used last first."""
        page = SessionFilter.parse(request.query_params).page_of(request.user.sessions.alive())
        context = {"current": request.auth.pk}
        return Response(
            page.as_dict("sessions", partial(serialize_many, session_serializers.SessionAnswer, context=context))
        )

    @extend_schema(responses={200: shapes.MessageAnswer}, summary="End a session")
    def destroy(self, request: SignedInRequest, session_id: Any) -> Response:
        """End one of one's own sessions, or with `session_revoke` somebody else's."""
        session_services.end_session(actor=request.user, session_id=session_id)
        return Response({"message": "Session ended successfully"})

    @extend_schema(responses={200: session_serializers.SessionsEndedAnswer}, summary="End all other sessions")
    def destroy_others(self, request: SignedInRequest) -> Response:
        """End all of one's own sessions but the one that the call itself came with."""
        ended = session_services.end_other_sessions(actor=request.user, session_id=request.auth.pk)
        return Response({"message": "Sessions ended successfully", "ended": ended})
