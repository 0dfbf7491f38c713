"""Access reviews in Django admin, to look at: they are opened, decided and closed on their pages or by the API."""

from django.contrib import admin

from reprotech.web.admin import ReadOnlyAdmin
from reviews.models import Review, ReviewItem


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ("name", "scope_kind", "opened_at", "due", "closed_at", "every_months")
    list_filter = ("scope_kind", "if_unanswered")
    search_fields = ("name",)


@admin.register(ReviewItem)
class ReviewItemAdmin(ReadOnlyAdmin):
    list_display = ("review", "position", "kind", "user", "role", "decision", "decided_by", "outcome")
    list_filter = ("kind", "decision", "outcome")
    search_fields = ("user__username", "review__name")
    list_select_related = ("review", "user", "role", "decided_by")
    show_full_result_count = False
