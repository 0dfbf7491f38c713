"""Responses of the session endpoints."""

from rest_framework import serializers

from accounts.common.serializers import MessageAnswer
from accounts.models import Session
from reprotech.api.fields import AddressOutputField
from reprotech.api.serialization import PageAnswer


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
