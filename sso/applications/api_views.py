"""`/api/applications`."""

from functools import partial
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions, versioned_response
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotFound
from sso.applications import serializers as shapes
from sso.applications import services
from sso.applications.filters import ApplicationFilter
from sso.models import Application
from sso.permissions import SETTINGS_READ, SETTINGS_UPDATE


def find_application(request: SignedInRequest, application_id: int) -> Application:
    found = Application.objects.visible_to(request.user).with_roles().with_sign_in_count()
    application = found.select_related("service_account").filter(pk=application_id).first()
    if application is None:
        raise NotFound("application")
    return application


class ApplicationViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": SETTINGS_READ,
        "retrieve": SETTINGS_READ,
        "create": SETTINGS_UPDATE,
        "update": SETTINGS_UPDATE,
        "destroy": SETTINGS_UPDATE,
        "renew_secret": SETTINGS_UPDATE,
    }

    @extend_schema(
        parameters=query_parameters(ApplicationFilter),
        responses=shapes.ApplicationListAnswer,
        summary="List applications",
    )
    def list(self, request: SignedInRequest) -> Response:
        """Applications by search, role and status, a page at a time."""
        query = ApplicationFilter.from_request(request)
        found = Application.objects.visible_to(request.user).with_roles().with_sign_in_count()
        page = query.page_of(found.select_related("service_account"))
        return Response(page.as_dict("applications", partial(serialize_many, shapes.ApplicationAnswer)))

    @extend_schema(
        request=shapes.CreateApplicationBody,
        responses={201: shapes.ApplicationSecretAnswer},
        parameters=[ETAG],
        summary="Create an application",
    )
    def create(self, request: SignedInRequest) -> Response:
        """Create an application. The secret of a confidential one is shown only now.

        With `service_account` it can act as that account, so this asks for what making an API key for the account does:
        recent authentication, or `current_password` (and `otp`), and no API key.
        """
        made = services.create_application(actor=request.user, **shapes.CreateApplicationBody.read(request))
        return self._with_secret(request, made, "Application created successfully", status=201)

    @extend_schema(responses=shapes.ApplicationAnswer, parameters=[ETAG], summary="Show an application")
    def retrieve(self, request: SignedInRequest, application_id: int) -> Response:
        """An application with the roles that open it, never with its secret."""
        application = find_application(request, application_id)
        return versioned_response(application, serialize(shapes.ApplicationAnswer, application))

    @extend_schema(
        request=shapes.UpdateApplicationBody,
        responses=shapes.ApplicationChangedAnswer,
        parameters=[IF_MATCH, ETAG],
        summary="Change an application",
    )
    def update(self, request: SignedInRequest, application_id: int) -> Response:
        """Change what is given, and leave the rest. People who may no longer open it are signed out of it at once."""
        body = shapes.UpdateApplicationBody.read(request, context={"application_id": application_id})
        services.update_application(
            actor=request.user, application_id=application_id, expected_versions=expected_versions(request), **body
        )
        application = find_application(request, application_id)
        shown = serialize(shapes.ApplicationAnswer, application)
        return versioned_response(application, {"message": "Application updated successfully", "application": shown})

    @extend_schema(responses={200: MessageAnswer}, parameters=[IF_MATCH], summary="Delete an application")
    def destroy(self, request: SignedInRequest, application_id: int) -> Response:
        """Delete an application with its sign-ins. Its permissions that roles hold are retired, the others deleted."""
        services.delete_application(
            actor=request.user, application_id=application_id, expected_versions=expected_versions(request)
        )
        return Response({"message": "Application deleted successfully"})

    @extend_schema(
        request=shapes.SecretBody,
        responses=shapes.ApplicationSecretAnswer,
        parameters=[ETAG],
        summary="Give an application a new secret",
    )
    def renew_secret(self, request: SignedInRequest, application_id: int) -> Response:
        """Make a new secret, which is shown only now. The old one stays good for `keep_old_hours`, 24 at most."""
        made = services.renew_secret(
            actor=request.user, application_id=application_id, **shapes.SecretBody.read(request)
        )
        return self._with_secret(request, made, "Secret created successfully")

    def _with_secret(
        self, request: SignedInRequest, made: services.CreatedApplication, message: str, status: int = 200
    ) -> Response:
        application = find_application(request, made.application.pk)
        body = {"message": message, "application": serialize(shapes.ApplicationAnswer, application)}
        if made.client_secret:
            body["client_secret"] = made.client_secret
        response = versioned_response(application, body, status)
        response["Cache-Control"] = "no-store"
        return response
