"""`/api/access-requests`."""

from functools import partial
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from access_requests.api import serializers as shapes
from access_requests.api.filters import RequestableFilter, RequestFilter, find_request
from access_requests.asking import services as asking
from access_requests.asking.conflicts import segregation_of
from access_requests.asking.roles import roles_to_ask_for, smallest_roles_with
from access_requests.deciding import services as deciding
from access_requests.models import AccessRequest
from access_requests.permissions import USER_UPDATE
from accounts.common.requests import SignedInRequest
from accounts.models import User
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import SIGNED_IN


def _context(reader: User, requests: list[AccessRequest]) -> dict[str, Any]:
    return {"reader": reader, "segregation": segregation_of(requests, reader)}


class AccessRequestViewSet(ViewSet):
    required_permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "create", "withdraw", "roles"), SIGNED_IN),
        **dict.fromkeys(("grant", "decline"), USER_UPDATE),
    }

    @extend_schema(
        parameters=query_parameters(RequestFilter),
        responses=shapes.AccessRequestListAnswer,
        summary="List requests for access",
    )
    def list(self, request: SignedInRequest) -> Response:
        """One's own and, with `user_update`, those of others whose role one may give them; the latest first."""
        query = RequestFilter.parse(request.GET, reader=request.user)
        page = query.page_of(AccessRequest.objects.visible_to(request.user).with_people())
        context = _context(request.user, page.items)
        return Response(page.as_dict("requests", partial(serialize_many, shapes.AccessRequestAnswer, context=context)))

    @extend_schema(request=shapes.AskBody, responses={201: shapes.AccessRequestChangedAnswer}, summary="Ask for a role")
    def create(self, request: SignedInRequest) -> Response:
        """Ask for a role for oneself, with a reason. Those who may give it decide, within 14 days."""
        asked = asking.ask_for_role(actor=request.user, **shapes.AskBody.read(request))
        return self._changed(request, asked.pk, "Request sent successfully", status=201)

    @extend_schema(
        parameters=query_parameters(RequestableFilter),
        responses=shapes.RequestableRolesAnswer,
        summary="List the roles that you may ask for",
    )
    def roles(self, request: SignedInRequest) -> Response:
        """Those that the caller neither has nor waits for."""
        permission = RequestableFilter.parse(request.GET).value("permission")
        user = request.user
        roles = smallest_roles_with(permission, user) if permission else list(roles_to_ask_for(user))
        return Response({"roles": serialize_many(shapes.RequestableRoleAnswer, roles)})

    @extend_schema(responses=shapes.AccessRequestAnswer, summary="Show a request for access")
    def retrieve(self, request: SignedInRequest, request_id: int) -> Response:
        """A request that one made, or may decide."""
        found = find_request(request.user, request_id)
        context = _context(request.user, [found])
        return Response(serialize_many(shapes.AccessRequestAnswer, [found], context=context)[0])

    @extend_schema(
        request=shapes.GrantBody, responses=shapes.AccessRequestChangedAnswer, summary="Grant a request for access"
    )
    def grant(self, request: SignedInRequest, request_id: int) -> Response:
        """Give the role as it was asked for, or until an earlier end. Nobody decides their own request."""
        body = shapes.GrantBody.read(request)
        find_request(request.user, request_id)
        deciding.grant_request(actor=request.user, request_id=request_id, **body)
        return self._changed(request, request_id, "Request granted successfully")

    @extend_schema(
        request=shapes.DeclineBody, responses=shapes.AccessRequestChangedAnswer, summary="Decline a request for access"
    )
    def decline(self, request: SignedInRequest, request_id: int) -> Response:
        """Refuse a request, with a note for who asked."""
        body = shapes.DeclineBody.read(request)
        find_request(request.user, request_id)
        deciding.decline_request(actor=request.user, request_id=request_id, **body)
        return self._changed(request, request_id, "Request declined successfully")

    @extend_schema(
        request=EmptyBody, responses=shapes.AccessRequestChangedAnswer, summary="Withdraw your request for access"
    )
    def withdraw(self, request: SignedInRequest, request_id: int) -> Response:
        """Take back one's own open request."""
        EmptyBody.read(request)
        asking.withdraw_request(actor=request.user, request_id=request_id)
        return self._changed(request, request_id, "Request withdrawn successfully")

    def _changed(self, request: SignedInRequest, request_id: int, message: str, status: int = 200) -> Response:
        # Unscoped: with the role a person may hold more than who gave it.
        found = AccessRequest.objects.with_people().get(pk=request_id)
        context = _context(request.user, [found])
        body = {"message": message, "request": serialize_many(shapes.AccessRequestAnswer, [found], context=context)[0]}
        return Response(body, status=status)
