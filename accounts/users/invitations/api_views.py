from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.common.serializers import MessageAnswer
from accounts.permissions import USER_UPDATE
from accounts.users.api_views import user_changed_response
from accounts.users.invitations import services as invitation_services
from accounts.users.serializers import UserChangedAnswer
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.viewsets import ViewSet


class InvitationLinkAnswer(MessageAnswer):
    """A link to hand over, this once."""

    link = serializers.CharField()


class InvitationViewSet(ViewSet):
    required_permissions: ClassVar = {"send": USER_UPDATE, "withdraw": USER_UPDATE, "make_link": USER_UPDATE}

    @extend_schema(request=None, responses=UserChangedAnswer, summary="Resend a user's invitation")
    def send(self, request: SignedInRequest, user_id: int) -> Response:
        """Mail a new link to a user who has not chosen a password yet; earlier links stop working."""
        EmptyBody.read(request)
        invitation_services.resend_invitation(actor=request.user, user_id=user_id)
        return user_changed_response(request, user_id, "Invitation sent successfully")

    @extend_schema(responses={200: UserChangedAnswer}, summary="Withdraw a user's invitation")
    def withdraw(self, request: SignedInRequest, user_id: int) -> Response:
        """The link stops working at once, and the account becomes inactive."""
        invitation_services.withdraw_invitation(actor=request.user, user_id=user_id)
        return user_changed_response(request, user_id, "Invitation withdrawn successfully")

    @extend_schema(request=None, responses=InvitationLinkAnswer, summary="Create an invitation link")
    def make_link(self, request: SignedInRequest, user_id: int) -> Response:
        """A new link for you to hand over, this once; earlier links stop working, and the user is notified.

        409 where `ADMIN_SETS_PASSWORDS` is off: anyone who has the link can choose the password.
        """
        EmptyBody.read(request)
        link = invitation_services.make_invitation_link(actor=request.user, user_id=user_id)
        return Response({"message": "Invitation link created successfully", "link": link})
