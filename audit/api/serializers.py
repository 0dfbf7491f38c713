"""Audit rows as the API shows them."""

from typing import Any

from rest_framework import serializers

from audit.export.bundles import base64_text, base64_texts, event_fields
from audit.export.proofs import Consistency, Inclusion
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


class ProofAnswer(serializers.Serializer[Inclusion]):
    """That an event stands at `position` among the first `size` events."""

    event_id = serializers.IntegerField(source="place.event_id")
    position = serializers.IntegerField(source="place.position")
    size = serializers.IntegerField(source="checkpoint.size")
    leaf = serializers.SerializerMethodField()
    proof = serializers.SerializerMethodField()
    checkpoint = serializers.CharField(source="checkpoint.note")
    event = serializers.SerializerMethodField()

    def get_leaf(self, found: Inclusion) -> str:
        """The hash of the event, base64."""
        return base64_text(found.place.leaf)

    def get_proof(self, found: Inclusion) -> list[str]:
        """The audit path from the leaf up, each hash in base64."""
        return base64_texts(found.path)

    def get_event(self, found: Inclusion) -> dict[str, Any] | None:
        """The event as a line of a bundle has it; null once it was archived."""
        return event_fields(found.row) if found.row else None


class ConsistencyAnswer(serializers.Serializer[Consistency]):
    """That the first `to` events begin with the first `from`."""

    to = serializers.IntegerField(source="new.size")
    proof = serializers.SerializerMethodField()
    from_checkpoint = serializers.CharField(source="old.note")
    to_checkpoint = serializers.CharField(source="new.note")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` can't be the name of an attribute.
        return {"from": serializers.IntegerField(source="old.size"), **super().get_fields()}

    def get_proof(self, found: Consistency) -> list[str]:
        """The proof of RFC 6962, each hash in base64."""
        return base64_texts(found.path)
