"""`/api/auth/sessions...`: list and end one's own sessions."""

from functools import partial
from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.sessions import services as session_services
from accounts.sessions.filters import SessionFilter
from accounts.sessions.serializers import SessionAnswer, SessionListAnswer, SessionsEndedAnswer
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import SIGNED_IN_TO_CHANGE_PASSWORD


class OwnSessionViewSet(ViewSet):
    required_permissions: ClassVar = dict.fromkeys(("list", "destroy", "destroy_others"), SIGNED_IN_TO_CHANGE_PASSWORD)

    @extend_schema(parameters=query_parameters(SessionFilter), responses=SessionListAnswer, summary="List own sessions")
    def list(self, request: SignedInRequest) -> Response:
        """Active sessions, the most recently used first."""
        page = SessionFilter.parse(request.query_params).page_of(request.user.sessions.alive())
        context = {"current": request.auth.pk}
        return Response(page.as_dict("sessions", partial(serialize_many, SessionAnswer, context=context)))

    @extend_schema(responses={200: MessageAnswer}, summary="End a session")
    def destroy(self, request: SignedInRequest, session_id: UUID) -> Response:
        """End one of one's own sessions, or with `session_revoke` another user's."""
        session_services.end_session(actor=request.user, session_id=session_id)
        return Response({"message": "Session ended successfully"})

    @extend_schema(responses={200: SessionsEndedAnswer}, summary="End all other sessions")
    def destroy_others(self, request: SignedInRequest) -> Response:
        """End all of one's own sessions except the one that makes this call."""
        ended = session_services.end_other_sessions(actor=request.user, session_id=request.auth.pk)
        return Response({"message": "Sessions ended successfully", "ended": ended})
