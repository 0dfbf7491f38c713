"""The API of users, but for their files."""

from functools import partial
from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.common import serializers as shapes
from accounts.common.requests import SignedInRequest
from accounts.mfa import services as mfa_services
from accounts.models import User
from accounts.models.querysets import UserQuerySet
from accounts.passwords import services as password_services
from accounts.permissions import USER_CREATE, USER_DELETE, USER_READ, USER_UPDATE
from accounts.user_list import list_sql
from accounts.user_list.filters import UserFilter
from accounts.users import serializers as user_serializers
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions, versioned_response
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotFound


def find_user(request: SignedInRequest, user_id: int) -> User:
    return _found(User.objects.visible_to(request.user).with_roles(), user_id)


def _find_record(request: SignedInRequest, user_id: int) -> User:
    return _found(User.objects.visible_to(request.user).with_roles().with_unended_grants(), user_id)


def _found(users: UserQuerySet, user_id: int) -> User:
    user: User | None = users.filter(pk=user_id).first()
    if user is None:
        raise NotFound("user")
    return user


def user_changed_response(request: SignedInRequest, user_id: int, message: str, status: int = 200) -> Response:
    # Read again: the answer and its ETag are those that a GET would give.
    user = _find_record(request, user_id)
    return versioned_response(
        user, {"message": message, "user": serialize(user_serializers.UserRecordAnswer, user)}, status
    )


class UserViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": USER_READ,
        "retrieve": USER_READ,
        "create": USER_CREATE,
        "update": USER_UPDATE,
        "destroy": USER_DELETE,
        "erase": USER_DELETE,
        "reset_password": USER_UPDATE,
        "reset_factors": USER_UPDATE,
        "lock": USER_UPDATE,
        "unlock": USER_UPDATE,
    }

    @extend_schema(
        parameters=query_parameters(UserFilter), responses=user_serializers.UserListAnswer, summary="List users"
    )
    def list(self, request: SignedInRequest) -> HttpResponse:
        """Users by search, role, status, kind and second factor, a page at a time."""
        query = UserFilter.from_request(request)
        if answer := list_sql.list_response(query, request):
            return answer
        page = query.page_of(User.objects.visible_to(request.user).with_role_rows())
        return Response(page.as_dict("users", partial(serialize_many, shapes.UserAnswer)))

    @extend_schema(
        request=user_serializers.CreateUserBody,
        responses={201: user_serializers.UserChangedAnswer},
        parameters=[ETAG],
        summary="Create a user",
    )
    def create(self, request: SignedInRequest) -> Response:
        """Create a user with roles. Without a password they get an invitation by e-mail."""
        user = user_services.create_user(actor=request.user, **user_serializers.CreateUserBody.read(request))
        return user_changed_response(request, user.pk, "User created successfully", status=201)

    @extend_schema(responses=user_serializers.UserRecordAnswer, parameters=[ETAG], summary="Show a user")
    def retrieve(self, request: SignedInRequest, user_id: int) -> Response:
        """A user with roles, permissions, and from when until when each role is held."""
        user = _find_record(request, user_id)
        return versioned_response(user, serialize(user_serializers.UserRecordAnswer, user))

    @extend_schema(
        request=user_serializers.UpdateUserBody,
        responses=user_serializers.UserChangedAnswer,
        parameters=[IF_MATCH, ETAG],
        summary="Change a user",
    )
    def update(self, request: SignedInRequest, user_id: int) -> Response:
        """Change what is given, and leave the rest."""
        body = user_serializers.UpdateUserBody.read(request)
        user_services.update_user(
            actor=request.user, user_id=user_id, expected_versions=expected_versions(request), **body
        )
        return user_changed_response(request, user_id, "User updated successfully")

    @extend_schema(responses={200: shapes.MessageAnswer}, parameters=[IF_MATCH], summary="Delete a user")
    def destroy(self, request: SignedInRequest, user_id: int) -> Response:
        """Take an account out of use for good; its history stays."""
        user_services.delete_user(actor=request.user, user_id=user_id, expected_versions=expected_versions(request))
        return Response({"message": "User deleted successfully"})

    @extend_schema(responses={200: user_serializers.ErasedAnswer}, summary="Erase a user's personal data")
    def erase(self, request: SignedInRequest, user_id: int) -> Response:
        """Erase what identifies a user, also in the audit log; an account that still exists is deleted first.

        Where the server's database role may not change the audit log the answer is 409, with the command that does it.
        """
        events = erase_personal_data(actor=request.user, user_id=user_id)
        return Response({"message": "Personal data erased successfully", "events": events})

    @extend_schema(
        request=user_serializers.ResetPasswordBody, responses=shapes.MessageAnswer, summary="Reset a password"
    )
    def reset_password(self, request: SignedInRequest, user_id: int) -> Response:
        """Mail a link to choose a new password or, with `password`, set one that must be changed."""
        body = user_serializers.ResetPasswordBody.read(request)
        if "password" in body:
            password_services.reset_password(actor=request.user, user_id=user_id, password=body["password"])
            return Response({"message": "Password reset successfully"})
        password_services.send_password_reset(actor=request.user, user_id=user_id)
        return Response({"message": "Password reset link sent successfully"})

    @extend_schema(
        responses={200: user_serializers.UserChangedAnswer}, summary="Turn off a user's two-factor authentication"
    )
    def reset_factors(self, request: SignedInRequest, user_id: int) -> Response:
        """For a user who lost theirs: removes all of them and the recovery codes, and ends the user's sessions."""
        mfa_services.reset_factors(actor=request.user, user_id=user_id)
        return user_changed_response(request, user_id, "Second factors removed successfully")

    @extend_schema(request=None, responses=user_serializers.UserChangedAnswer, summary="Lock a user")
    def lock(self, request: SignedInRequest, user_id: int) -> Response:
        """End the user's sessions and refuse further sign-ins."""
        EmptyBody.read(request)
        user_services.lock_user(actor=request.user, user_id=user_id)
        return user_changed_response(request, user_id, "User locked successfully")

    @extend_schema(request=None, responses=user_serializers.UserChangedAnswer, summary="Unlock a user")
    def unlock(self, request: SignedInRequest, user_id: int) -> Response:
        """Let the user sign in again, also after too many failed attempts."""
        EmptyBody.read(request)
        user_services.unlock_user(actor=request.user, user_id=user_id)
        return user_changed_response(request, user_id, "User unlocked successfully")
