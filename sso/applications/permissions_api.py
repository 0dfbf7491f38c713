"""`/api/applications/{id}/permissions`, and the same for the application itself, with its client credentials."""

from collections.abc import Iterable
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.models import Permission
from reprotech.api.serialization import serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC
from sso.applications import own_permissions
from sso.applications import serializers as shapes
from sso.applications.api_views import find_application
from sso.applications.client_authentication import BasicClientAuthentication
from sso.models import Application
from sso.permissions import SETTINGS_READ, SETTINGS_UPDATE


class ClientRequest(Request):
    """A request of an application."""

    auth: Application


class ApplicationPermissionViewSet(ViewSet):
    required_permissions: ClassVar = {"list": SETTINGS_READ, "replace": SETTINGS_UPDATE}

    @extend_schema(responses=shapes.OwnPermissionsAnswer, summary="List an application's permissions")
    def list(self, request: SignedInRequest, application_id: int) -> Response:
        """Its own permissions, those that were retired too."""
        application = find_application(request, application_id)
        return Response({"permissions": _serialized(own_permissions.permissions_of(application))})

    @extend_schema(
        request=shapes.PermissionsBody,
        responses=shapes.RegistrationAnswer,
        summary="Replace an application's permissions",
    )
    def replace(self, request: SignedInRequest, application_id: int) -> Response:
        """Make these its permissions. Nobody but Super Administrator gets one by that.

        What is left out is deleted or, where a role holds it, retired: the role keeps it, and it can't be given any
        more.
        """
        body = shapes.PermissionsBody.read(request)
        return _answer(own_permissions.register_permissions(actor=request.user, application_id=application_id, **body))


class OwnPermissionViewSet(ViewSet):
    # Authentication by the application's secret is all: it lists and replaces what is its own.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = [BasicClientAuthentication]  # type: ignore[misc]
    required_permissions: ClassVar = {"list": PUBLIC, "replace": PUBLIC}

    @extend_schema(
        responses=shapes.OwnPermissionsAnswer,
        summary="List one's own permissions as an application",
        operation_id="applications_self_permissions_list",
    )
    def list(self, request: ClientRequest) -> Response:
        """With the client id and secret by HTTP Basic."""
        return Response({"permissions": _serialized(own_permissions.permissions_of(request.auth))})

    @extend_schema(
        request=shapes.PermissionsBody,
        responses=shapes.RegistrationAnswer,
        summary="Replace one's own permissions as an application",
        operation_id="applications_self_permissions_replace",
    )
    def replace(self, request: ClientRequest) -> Response:
        """With the client id and secret by HTTP Basic, for instance at each start of the program: it is idempotent."""
        client = request.auth
        return _answer(
            own_permissions.register_own_permissions(
                actor=own_permissions.actor_of(client), client=client, **shapes.PermissionsBody.read(request)
            )
        )


def _answer(registration: own_permissions.Registration) -> Response:
    return Response(
        {
            "permissions": _serialized(registration.permissions),
            "added": registration.added,
            "kept": registration.kept,
            "retired": registration.retired,
        }
    )


def _serialized(permissions: Iterable[Permission]) -> list[object]:
    return serialize_many(shapes.OwnPermissionAnswer, permissions)
