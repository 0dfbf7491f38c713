"""Addresses of the audit log's pages."""

from django.urls import path

from audit import views

urlpatterns = [
    path("audit", views.list_events, name="audit"),
    path("audit/users", views.suggest_users, name="audit_users"),
    path("audit/export", views.export_events, name="export_events"),
    path("audit/report", views.show_report, name="audit_report"),
    path("audit/report/periods", views.choose_report, name="audit_report_periods"),
    path("audit/saved", views.save_view, name="save_audit_view"),
    path("audit/saved/<int:filter_id>/delete", views.delete_view, name="forget_audit_view"),
    path("audit/status", views.show_status, name="audit_status"),
    path("audit/verify", views.verify_now, name="verify_audit"),
    path("audit/checkpoint", views.download_checkpoint, name="audit_checkpoint"),
    path("audit/<int:event_id>", views.show_event, name="audit_event"),
    path("audit/<int:event_id>/proof", views.download_proof, name="audit_proof"),
]
