"""Audit rows as the API shows them."""

from typing import Any

from rest_framework import serializers

from audit.models import AuditLog, Checkpoint, SigningKey
from reprotech.api.fields import AddressOutputField
from reprotech.api.serialization import PageAnswer


class AuditLogAnswer(serializers.Serializer[AuditLog]):
    """An event of the audit log."""

    id = serializers.IntegerField()
    user = serializers.CharField(source="username")
    user_id = serializers.IntegerField(allow_null=True)
    action = serializers.CharField()
    resource = serializers.CharField()
    resource_id = serializers.CharField()
    resource_name = serializers.CharField()
    ip_address = AddressOutputField(allow_null=True)
    user_agent = serializers.CharField()
    request_id = serializers.CharField()
    session_id = serializers.UUIDField(allow_null=True)
    timestamp = serializers.DateTimeField()
    details = serializers.SerializerMethodField()

    def get_details(self, row: AuditLog) -> dict[str, Any]:
        """What else is known of the event; `success` says its outcome."""
        return {"success": row.success, **row.details}


class AuditLogListAnswer(PageAnswer):
    """A page of the audit log."""

    logs = AuditLogAnswer(many=True)


class KeyAnswer(serializers.Serializer[SigningKey]):
    """A public key that signs checkpoints."""

    key = serializers.CharField(source="verifier", help_text="name+id+base64, as signed notes have it.")
    created_at = serializers.DateTimeField()
    statement = serializers.CharField(help_text="The note by which the key before it and it itself say so.")


class KeyListAnswer(serializers.Serializer[object]):
    """All public keys, the oldest first."""

    keys = KeyAnswer(many=True)


class CheckpointAnswer(serializers.Serializer[Checkpoint]):
    """The signed statement that the first `size` events were these."""

    size = serializers.IntegerField()
    time = serializers.DateTimeField(source="sealed_at")
    root = serializers.SerializerMethodField()  # type: ignore[assignment]  # a field's own name for its serializer
    note = serializers.CharField(help_text="The signed note: all else is read from it.")

    def get_root(self, checkpoint: Checkpoint) -> str:
        """The root of the tree of these events, base64, as the note has it."""
        return checkpoint.note.split("\n", 3)[2]


class CheckpointListAnswer(PageAnswer):
    """A page of signed checkpoints."""

    checkpoints = CheckpointAnswer(many=True)


class ProofAnswer(serializers.Serializer[object]):
    """That an event stands at `position` among the first `size` events."""

    event_id = serializers.IntegerField()
    position = serializers.IntegerField()
    size = serializers.IntegerField()
    leaf = serializers.CharField(read_only=True, help_text="The hash of the event, base64.")
    proof = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The audit path from the leaf up, each hash in base64."
    )
    checkpoint = serializers.CharField()
    event = serializers.DictField(
        read_only=True, allow_null=True, help_text="The event as a line of a bundle has it; null once it was archived."
    )


class ConsistencyAnswer(serializers.Serializer[object]):
    """That the first `to` events begin with the first `from`."""

    to = serializers.IntegerField()
    proof = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The proof of RFC 6962, each hash in base64."
    )
    from_checkpoint = serializers.CharField()
    to_checkpoint = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` can't be the name of an attribute.
        return {"from": serializers.IntegerField(), **super().get_fields()}
