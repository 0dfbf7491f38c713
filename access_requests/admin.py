"""Requests for access in Django admin, to look at: they are made and decided on their pages or by the API."""

from django.contrib import admin

from access_requests.models import AccessRequest
from reprotech.web.admin import ReadOnlyAdmin


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnlyAdmin):
    list_display = ("user", "role_name", "state", "asked_at", "ends_at", "decided_by", "closed_at")
    list_filter = ("state",)
    search_fields = ("user__username", "role_name")
    list_select_related = ("user", "decided_by")
    show_full_result_count = False
