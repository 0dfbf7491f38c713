"""`/api/auth/sessions...`: one's own sessions. `/.well-known/jwks.json`: the public keys of tokens (RFC 7517)."""

from functools import partial
from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.models import Session
from accounts.sessions import services as session_services
from accounts.sessions.filters import SessionFilter
from accounts.sessions.jwt_signing import published_keys
from reprotech.api.fields import AddressOutputField
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import PageAnswer, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC, SIGNED_IN_TO_CHANGE_PASSWORD

#: How long clients may cache the keys. A new key must be listed for that long before it signs.
CACHE_SECONDS = 300
PUBLIC_KEYS = inline_serializer(
    "PublicKey", {name: serializers.CharField() for name in ("kty", "crv", "use", "alg", "kid", "x")}, many=True
)


class SessionAnswer(serializers.Serializer[Session]):
    """A session that has neither ended nor expired."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Session.Kind.choices)
    client = serializers.CharField(source="user_agent")
    ip_address = AddressOutputField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When it ends if it isn't used until then.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When it ends at the latest.")
    current = serializers.SerializerMethodField()

    def get_current(self, session: Session) -> bool:
        return bool(session.pk == self.context["current"])


class SessionListAnswer(PageAnswer):
    """One page of a session list."""

    sessions = SessionAnswer(many=True)


class SessionsEndedAnswer(MessageAnswer):
    """An outcome, and how many sessions ended."""

    ended = serializers.IntegerField()


class OwnSessionViewSet(ViewSet):
    required_permissions: ClassVar = dict.fromkeys(("list", "destroy", "destroy_others"), SIGNED_IN_TO_CHANGE_PASSWORD)

    @extend_schema(
        parameters=query_parameters(SessionFilter), responses=SessionListAnswer, summary="List your sessions"
    )
    def list(self, request: SignedInRequest) -> Response:
        """Active sessions, the most recently used first."""
        page = SessionFilter.parse(request.query_params).page_of(request.user.sessions.alive())
        context = {"current": request.auth.pk}
        return Response(page.as_dict("sessions", partial(serialize_many, SessionAnswer, context=context)))

    @extend_schema(responses={200: MessageAnswer}, summary="Sign out a session")
    def destroy(self, request: SignedInRequest, session_id: UUID) -> Response:
        """End one of one's own sessions, or with `session_revoke` another user's."""
        session_services.end_session(actor=request.user, session_id=session_id)
        return Response({"message": "Session ended successfully"})

    @extend_schema(responses={200: SessionsEndedAnswer}, summary="Sign out your other sessions")
    def destroy_others(self, request: SignedInRequest) -> Response:
        """End all of one's own sessions except the one that makes this call."""
        ended = session_services.end_other_sessions(actor=request.user, session_id=request.auth.pk)
        return Response({"message": "Sessions ended successfully", "ended": ended})


class JwksViewSet(ViewSet):
    # Public: these are public keys.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []  # type: ignore[misc]
    required_permissions: ClassVar = {"jwks": PUBLIC}

    @extend_schema(
        operation_id="auth_jwks",
        tags=["auth"],
        responses=inline_serializer("PublicKeys", {"keys": PUBLIC_KEYS}),
        summary="Public keys of tokens",
    )
    def jwks(self, request: Request) -> Response:  # noqa: ARG002
        """The keys that check EdDSA tokens; none where tokens are HS256. They can't tell that a session has ended."""
        response = Response({"keys": published_keys()})
        response["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
        # Applications verify tokens in browsers too, from any origin. No cookie is needed or sent.
        response["Access-Control-Allow-Origin"] = "*"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
