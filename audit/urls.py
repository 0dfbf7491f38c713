"""Addresses of the audit log's pages."""

from django.urls import path

from audit.views import events, report, saved_filters, verification

urlpatterns = [
    path("audit", events.list_events, name="audit"),
    path("audit/export", events.export_events, name="export_events"),
    path("audit/report", report.show_report, name="audit_report"),
    path("audit/saved", saved_filters.save_view, name="save_audit_view"),
    path("audit/saved/<int:filter_id>/delete", saved_filters.delete_view, name="forget_audit_view"),
    path("audit/status", verification.show_status, name="audit_status"),
    path("audit/verify", verification.verify_now, name="verify_audit"),
    path("audit/checkpoint", verification.download_checkpoint, name="audit_checkpoint"),
    path("audit/<int:event_id>", events.show_event, name="audit_event"),
    path("audit/<int:event_id>/proof", verification.download_proof, name="audit_proof"),
]
