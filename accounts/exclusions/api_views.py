"""`/api/exclusions`."""

from functools import partial
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.access.authorization import Target
from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.exclusions import exception_services, services
from accounts.exclusions import serializers as shapes
from accounts.exclusions.filters import ViolationFilter
from accounts.exclusions.readers import require_reader_of_users
from accounts.exclusions.violations import count_violators, rules_of
from accounts.models import Exclusion, ExclusionException
from accounts.permissions import ROLE_READ, ROLE_UPDATE
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions, versioned_response
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotFound


def _with_violations(exclusions: list[Exclusion]) -> list[Exclusion]:
    counts = count_violators(rules_of(exclusion.pk for exclusion in exclusions))
    for exclusion in exclusions:
        exclusion.violations = counts.get(exclusion.pk, 0)
    return exclusions


def find_exclusion(exclusion_id: int) -> Exclusion:
    exclusion = Exclusion.objects.with_sets().filter(pk=exclusion_id).first()
    if exclusion is None:
        raise NotFound("exclusion")
    return exclusion


class ExclusionViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": ROLE_READ,
        "retrieve": ROLE_READ,
        "violations": ROLE_READ,
        "create": ROLE_UPDATE,
        "update": ROLE_UPDATE,
        "destroy": ROLE_UPDATE,
    }

    @extend_schema(responses=shapes.ExclusionListAnswer, summary="List exclusions")
    def list(self, request: SignedInRequest) -> Response:  # noqa: ARG002
        """Roles and permissions that nobody may hold together."""
        found = _with_violations(list(Exclusion.objects.with_sets()))
        return Response({"exclusions": serialize_many(shapes.ExclusionAnswer, found)})

    @extend_schema(
        request=shapes.CreateExclusionBody,
        responses={201: shapes.ExclusionChangedAnswer},
        parameters=[ETAG],
        summary="Create an exclusion",
    )
    def create(self, request: SignedInRequest) -> Response:
        """Create an exclusion. People who hold both sets already keep them; the answer says how many that are."""
        made = services.create_exclusion(actor=request.user, **shapes.CreateExclusionBody.read(request))
        return self._changed(made.pk, "Exclusion created successfully", status=201)

    @extend_schema(responses=shapes.ExclusionAnswer, parameters=[ETAG], summary="Show an exclusion")
    def retrieve(self, request: SignedInRequest, exclusion_id: int) -> Response:  # noqa: ARG002
        """An exclusion, and how many people hold both of its sets now."""
        [exclusion] = _with_violations([find_exclusion(exclusion_id)])
        return versioned_response(exclusion, serialize(shapes.ExclusionAnswer, exclusion))

    @extend_schema(
        request=shapes.UpdateExclusionBody,
        responses=shapes.ExclusionChangedAnswer,
        parameters=[IF_MATCH, ETAG],
        summary="Change an exclusion",
    )
    def update(self, request: SignedInRequest, exclusion_id: int) -> Response:
        """Change what is given, and leave the rest. With other sets, its exceptions have to be approved again."""
        services.update_exclusion(
            actor=request.user,
            exclusion_id=exclusion_id,
            expected_versions=expected_versions(request),
            **shapes.UpdateExclusionBody.read(request),
        )
        return self._changed(exclusion_id, "Exclusion updated successfully")

    @extend_schema(responses={200: MessageAnswer}, parameters=[IF_MATCH], summary="Delete an exclusion")
    def destroy(self, request: SignedInRequest, exclusion_id: int) -> Response:
        """Delete an exclusion with its exceptions."""
        services.delete_exclusion(
            actor=request.user, exclusion_id=exclusion_id, expected_versions=expected_versions(request)
        )
        return Response({"message": "Exclusion deleted successfully"})

    @extend_schema(
        parameters=query_parameters(ViolationFilter),
        responses=shapes.ViolationListAnswer,
        summary="List who holds what is excluded",
    )
    def violations(self, request: SignedInRequest) -> Response:
        """People who hold something of both sets of an exclusion now, also with an exception. Needs `user_read`."""
        require_reader_of_users(request.user, Target("exclusion"))
        page = ViolationFilter.from_request(request).page_of_violations()
        return Response(page.as_dict("violations", partial(serialize_many, shapes.ViolationAnswer)))

    def _changed(self, exclusion_id: int, message: str, status: int = 200) -> Response:
        [exclusion] = _with_violations([find_exclusion(exclusion_id)])
        shown = serialize(shapes.ExclusionAnswer, exclusion)
        return versioned_response(exclusion, {"message": message, "exclusion": shown}, status)


class ExceptionViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": ROLE_READ,
        "create": ROLE_UPDATE,
        "approve": ROLE_UPDATE,
        "destroy": ROLE_UPDATE,
    }

    @extend_schema(responses=shapes.ExceptionListAnswer, summary="List the exceptions from an exclusion")
    def list(self, request: SignedInRequest, exclusion_id: int) -> Response:
        """People who may hold both sets for a while, who asked for it and who approved it. Needs `user_read`."""
        require_reader_of_users(request.user, Target("exclusion", exclusion_id))
        found = find_exclusion(exclusion_id).exceptions.with_people()
        return Response({"exceptions": serialize_many(shapes.ExceptionAnswer, found)})

    @extend_schema(
        request=shapes.AskExceptionBody,
        responses={201: shapes.ExceptionChangedAnswer},
        summary="Ask for an exception",
    )
    def create(self, request: SignedInRequest, exclusion_id: int) -> Response:
        """Ask that a person may hold both sets until a moment. It counts once a second person has approved it."""
        body = shapes.AskExceptionBody.read(request)
        made = exception_services.ask_for_exception(actor=request.user, exclusion_id=exclusion_id, **body)
        return self._changed(made, "Exception asked for: a second person has to approve it", status=201)

    @extend_schema(request=None, responses=shapes.ExceptionChangedAnswer, summary="Approve an exception")
    def approve(self, request: SignedInRequest, exclusion_id: int, exception_id: int) -> Response:
        """Let an exception count: for a second person, neither who asked for it nor whom it is for, without a key."""
        EmptyBody.read(request)
        approved = exception_services.approve_exception(
            actor=request.user, exclusion_id=exclusion_id, exception_id=exception_id
        )
        return self._changed(approved, "Exception approved successfully")

    @extend_schema(responses={200: MessageAnswer}, summary="Withdraw an exception")
    def destroy(self, request: SignedInRequest, exclusion_id: int, exception_id: int) -> Response:
        """End an exception before its time, or refuse one that waits for its approval."""
        exception_services.withdraw_exception(actor=request.user, exclusion_id=exclusion_id, exception_id=exception_id)
        return Response({"message": "Exception withdrawn successfully"})

    def _changed(self, exception: ExclusionException, message: str, status: int = 200) -> Response:
        shown = ExclusionException.objects.with_people().get(pk=exception.pk)
        return Response({"message": message, "exception": serialize(shapes.ExceptionAnswer, shown)}, status=status)
