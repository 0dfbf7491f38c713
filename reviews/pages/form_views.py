"""Opening, changing and closing reviews."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form
from reviews.api.views import find_review
from reviews.decisions.closing import close_review as close
from reviews.models import Review
from reviews.opening import services
from reviews.pages.forms import ReviewersForm, ReviewForm
from reviews.pages.views import short_name
from reviews.permissions import ROLE_UPDATE


def _crumbs(review: Review | None, step: str) -> list[tuple[str, str | None]]:
    trail: list[tuple[str, str | None]] = [("Access reviews", reverse("reviews"))]
    if review is not None:
        trail.append((short_name(review), reverse("review", args=[review.pk])))
    return [*trail, (step, None)]


@requires(ROLE_UPDATE, FORM)
def open_review(request: PageRequest) -> HttpResponse:
    form = bind_form(ReviewForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            review = services.open_review(actor=request.user, **form.values)
            messages.success(request, f"{review.name} is open. The reviewers get a mail.")
            return htmx_redirect(request, "review", review.pk)
        except DomainError as refusal:
            _add_refusal(form, refusal)
    context = {"crumbs": _crumbs(None, "Open a review"), "back": reverse("reviews")}
    return render_form(request, "reviews/review_form.html", form, context)


def _add_refusal(form: ServiceForm, refusal: DomainError) -> None:
    """At the fields of the form, whose scope has two."""
    if isinstance(refusal, ValidationFailed) and "scope" in refusal.errors:
        errors = dict(refusal.errors)
        errors["roles"] = errors.pop("scope")
        refusal = ValidationFailed(errors)
    form.add_refusal(refusal)


@requires(ROLE_UPDATE, FORM)
def edit_review(request: PageRequest, review_id: int) -> HttpResponse:
    review = find_review(request.user, review_id)
    form = bind_form(ReviewersForm, request, review=review)
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.update_review(actor=request.user, review_id=review.pk, **form.values)
            messages.success(request, f"{changed.name} saved.")
            return htmx_redirect(request, "review", changed.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "review": review,
        "crumbs": _crumbs(review, "Edit"),
        "back": reverse("review", args=[review.pk]),
    }
    return render_form(request, "reviews/review_form.html", form, context)


@requires(ROLE_UPDATE, FORM)
def close_review(request: PageRequest, review_id: int) -> HttpResponse:
    review = find_review(request.user, review_id)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            close(actor=request.user, review_id=review.pk)
            messages.success(request, f"{review.name} is closed.")
            return htmx_redirect(request, "review", review.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    undecided = review.items.undecided().count()
    context = {"review": review, "undecided": undecided, "crumbs": _crumbs(review, "Close")}
    return render_form(request, "reviews/review_close.html", form, context, fragment="reviews/_review_close.html")
