"""Answers of `/api/access`."""

from rest_framework import serializers

from access_history.questions.answers import root_of
from access_history.questions.page_sql import Sealed
from access_history.questions.rows import AccessRow, ShownGrant
from access_history.questions.windows import STATUSES
from reprotech.api.serialization import PageAnswer


class ShownGrantAnswer(serializers.Serializer[ShownGrant]):
    """A role that was held."""

    role = serializers.CharField(help_text="Its name then.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="Null where no end is known.")
    granted_by = serializers.CharField()
    event = serializers.IntegerField()


class AccessAnswer(serializers.Serializer[AccessRow]):
    """An account and what it could do."""

    id = serializers.IntegerField()
    username = serializers.CharField(help_text="Of then; empty once erased.")
    full_name = serializers.CharField(help_text="Of then; of an erased person only that there was one.")
    status = serializers.ChoiceField(
        choices=STATUSES, help_text="Of a day the most open one: an account that was locked at noon was `active`."
    )
    roles = serializers.ListField(child=serializers.CharField(), help_text="As they were called then.")
    permissions = serializers.ListField(child=serializers.CharField())
    since = serializers.DateTimeField(help_text="When what is shown last changed before then.")
    granted_by = serializers.CharField(help_text="Who gave the newest of the roles.")
    role_grants = ShownGrantAnswer(many=True)
    events = serializers.ListField(child=serializers.IntegerField(), help_text="The events that this rests on.")

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        # `from` can't be the name of an attribute.
        return {
            **super().get_fields(),
            "from": serializers.DateTimeField(
                source="begins", allow_null=True, help_text="Of a day: the first moment."
            ),
            "until": serializers.DateTimeField(
                source="ends", allow_null=True, help_text="Of a day: when it ended; null where it went on."
            ),
        }


class CheckpointFactsAnswer(serializers.Serializer[Sealed]):
    """The newest signed statement about the log."""

    size = serializers.IntegerField()
    root = serializers.SerializerMethodField()  # type: ignore[assignment]  # a field's own name for its serializer

    def get_root(self, checkpoint: Sealed) -> str:
        """Of the tree of these events, base64."""
        return root_of(checkpoint)


class AccessListAnswer(PageAnswer):
    """Who had access, a page at a time."""

    at = serializers.DateTimeField(allow_null=True)
    on = serializers.DateField(allow_null=True)
    checkpoint = CheckpointFactsAnswer(allow_null=True)
    unsealed = serializers.IntegerField(help_text="Events that the page rests on, and that no checkpoint covers yet.")
    complete_to = serializers.DateTimeField(
        allow_null=True, help_text="Until when the history is built, where that isn't done; else null."
    )
    users = AccessAnswer(many=True)
