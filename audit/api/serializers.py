"""Audit rows as the API shows them."""

from typing import Any

from rest_framework import serializers

from audit.models import AuditLog
from reprotech.api_parsing import PageAnswer


class AuditLogAnswer(serializers.Serializer[AuditLog]):
    """One event."""

    id = serializers.IntegerField()
    user = serializers.CharField(source="username")
    user_id = serializers.IntegerField(allow_null=True)
    action = serializers.CharField()
    resource = serializers.CharField()
    resource_id = serializers.CharField()
    resource_name = serializers.CharField()
    ip_address = serializers.CharField(allow_null=True)
    user_agent = serializers.CharField()
    request_id = serializers.CharField()
    session_id = serializers.UUIDField(allow_null=True)
    timestamp = serializers.DateTimeField()
    details = serializers.SerializerMethodField()

    def get_details(self, row: AuditLog) -> dict[str, Any]:
        """What else is known of the event; `success` says its outcome."""
        return {"success": row.success, **row.details}


class AuditLogListAnswer(PageAnswer):
    """A page of events."""

    logs = AuditLogAnswer(many=True)
