"""Addresses of the audit log's API, below `/api/`."""

from django.urls import path

from audit.api.views import AuditLogViewSet

view = AuditLogViewSet.as_view({"get": "list"})

urlpatterns = [
    path("audit", view),
    path("audit/export", AuditLogViewSet.as_view({"get": "export"})),
    path("audit-logs", view),  # its name in the earlier system
]
