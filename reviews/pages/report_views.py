"""The report of a review: to print, and as files."""

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts.common.requests import PageRequest
from reprotech.web.access import SAFE, requires
from reviews.api.views import find_review
from reviews.pages.views import short_name
from reviews.permissions import AUDIT_EXPORT
from reviews.reports.files import report_context, report_file
from reviews.reports.services import BUNDLE, CSV


@requires(AUDIT_EXPORT, SAFE)
def show_report(request: PageRequest, review_id: int) -> HttpResponseBase:
    """Each line with its decision and its events, and the checkpoint that proves them."""
    review = find_review(request.user, review_id)
    if (file_format := request.GET.get("format", "")) in {CSV, BUNDLE}:
        return report_file(actor=request.user, review=review, file_format=file_format, with_bom=True)
    context = report_context(request.user, review)
    context["crumbs"] = [
        ("Access reviews", reverse("reviews")),
        (short_name(review), reverse("review", args=[review.pk])),
        ("Report", None),
    ]
    return render(request, "reviews/report.html", context)
