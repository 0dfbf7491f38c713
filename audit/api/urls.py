"""Addresses of the audit log's API, below `/api/`."""

from django.urls import path

from audit.api.views import AuditLogViewSet, ProofViewSet

view = AuditLogViewSet.as_view({"get": "list"})

urlpatterns = [
    path("audit", view),
    path("audit/export", AuditLogViewSet.as_view({"get": "export"})),
    path("audit/keys", ProofViewSet.as_view({"get": "keys"})),
    path("audit/checkpoints", ProofViewSet.as_view({"get": "checkpoints"})),
    path("audit/checkpoints/latest", ProofViewSet.as_view({"get": "latest"})),
    path("audit/consistency", ProofViewSet.as_view({"get": "consistency"})),
    path("audit/<int:event_id>/proof", ProofViewSet.as_view({"get": "proof"})),
    path("audit-logs", view),  # its name in the earlier system
]
