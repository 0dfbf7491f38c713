"""The audit log in Django admin: to be read."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.models import AuditLog
from reprotech.web.admin import ReadOnlyAdmin

admin.site.unregister(AuditLog)  # django-auditlog's page, which is made for a model of its own


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """Events of the audit log, newest first."""

    list_display = ("timestamp", "username", "action", "resource", "resource_name", "success", "address")
    list_filter = ("action", "resource", "success")
    search_fields = ("username", "resource_name", "ip_address", "request_id")
    show_full_result_count = False
    date_hierarchy = "timestamp"

    @admin.display(description="IP address", ordering="ip_address")
    def address(self, event: AuditLog) -> str | None:
        return event.ip_address

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditLog]:
        return super().get_queryset(request).order_by("-id")
