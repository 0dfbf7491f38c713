"""`/api/auth/keys` and `/api/users/{id}/keys`. The services let no key create or revoke keys."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.api_keys import services as api_key_services
from accounts.api_keys.serializers import ApiKeyAnswer, ApiKeyCreatedAnswer, ApiKeyListAnswer, CreateKeyBody
from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.models import User
from accounts.permissions import USER_UPDATE
from accounts.users.api_views import find_user
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import SIGNED_IN


def _list(user: User) -> Response:
    return Response({"keys": serialize_many(ApiKeyAnswer, user.api_keys.unrevoked().with_maker())})


def _create(request: SignedInRequest, user_id: int) -> Response:
    made = api_key_services.create_key(actor=request.user, user_id=user_id, **CreateKeyBody.read(request))
    key = serialize(ApiKeyAnswer, made.key)
    response = Response({"message": "Key created successfully", "key": key, "token": made.text}, status=201)
    response["Cache-Control"] = "no-store"
    return response


def _revoke(request: SignedInRequest, user_id: int, key_id: UUID) -> Response:
    api_key_services.revoke_key(actor=request.user, user_id=user_id, key_id=key_id)
    return Response({"message": "Key revoked successfully"})


class OwnKeyViewSet(ViewSet):
    required_permissions: ClassVar = dict.fromkeys(("list", "create", "destroy"), SIGNED_IN)

    @extend_schema(responses=ApiKeyListAnswer, summary="List your API keys")
    def list(self, request: SignedInRequest) -> Response:
        """Unrevoked keys, the newest first."""
        return _list(request.user)

    @extend_schema(request=CreateKeyBody, responses={201: ApiKeyCreatedAnswer}, summary="Create your own API key")
    def create(self, request: SignedInRequest) -> Response:
        """Make a key with the permissions in `scopes`, as long as its owner has them. The token is shown only now.

        More than `SUDO_MINUTES` after the sign-in, or after the password was last confirmed, it needs
        `current_password`, and `otp` if the account has a second factor; without them the answer is 403,
        `reauthentication_required`.
        """
        return _create(request, request.user.pk)

    @extend_schema(responses={200: MessageAnswer}, summary="Revoke one of your API keys")
    def destroy(self, request: SignedInRequest, key_id: UUID) -> Response:
        """Revoke a key; it stops working at once."""
        return _revoke(request, request.user.pk, key_id)


class UserKeyViewSet(ViewSet):
    required_permissions: ClassVar = dict.fromkeys(("list", "create", "destroy"), USER_UPDATE)

    @extend_schema(responses=ApiKeyListAnswer, summary="List a user's API keys")
    def list(self, request: SignedInRequest, user_id: int) -> Response:
        """Unrevoked keys, the newest first."""
        return _list(find_user(request, user_id))

    @extend_schema(
        request=CreateKeyBody, responses={201: ApiKeyCreatedAnswer}, summary="Create an API key for a service account"
    )
    def create(self, request: SignedInRequest, user_id: int) -> Response:
        """Make a key for a service account, with recent authentication as for one's own.

        People make their keys themselves: for another person the answer is 409, `not_theirs`.
        """
        find_user(request, user_id)
        return _create(request, user_id)

    @extend_schema(responses={200: MessageAnswer}, summary="Revoke a user's API key")
    def destroy(self, request: SignedInRequest, user_id: int, key_id: UUID) -> Response:
        """Revoke a user's key; it stops working at once."""
        return _revoke(request, user_id, key_id)
