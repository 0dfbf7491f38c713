"""Addresses of the audit log's pages."""

from django.urls import path

from audit import views

urlpatterns = [
    path("audit", views.list_events, name="audit"),
    path("audit/export", views.export_events, name="export_events"),
    path("audit/<int:event_id>", views.show_event, name="audit_event"),
]
