"""The list of reviews, and the page of one: a table to decide line by line."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import Truncator

from accounts.common.requests import PageRequest
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.filter_chips import FilterSelect, Option, filter_chips
from reprotech.web.pagination import Page
from reprotech.web.responses import UNPROCESSABLE, render_page
from reviews.api.filters import ItemFilter, ReviewFilter
from reviews.api.views import find_review
from reviews.decisions.services import decide_items
from reviews.models import Review, ReviewItem
from reviews.pages.decisions import Answers, saved_sentence
from reviews.permissions import USER_READ
from reviews.reports.rows import Row, rows_of
from reviews.subjects.context import add_context

STATES = (("open", "Open"), ("overdue", "Overdue"), ("closed", "Closed"))
#: Values of `show`, as the page calls them.
SHOWN = (
    ("mine", "To decide by me"),
    ("undecided", "Undecided"),
    ("decided", "Decided"),
    ("keep", "Kept"),
    ("change", "To change"),
    ("remove", "Removed"),
    ("pending", "To be carried out"),
    ("changed", "Changed since the last review"),
    ("unchanged", "Unchanged since the last review"),
    ("own", "About me"),
)
MINE = (("true", "Mine"), ("false", "All"))


def short_name(review: Review) -> str:
    """For the way back: on a phone there is room for so much."""
    return Truncator(review.name).chars(24)


@requires(USER_READ, SAFE)
def list_reviews(request: PageRequest) -> HttpResponse:
    """A page of reviews; 422 with an explanation for invalid filters."""
    reviews = Review.objects.visible_to(request.user)
    options = _options(request, status=STATES)
    context: dict[str, object] = {
        "typed": request.GET,
        "options": options,
        "chips": filter_chips(request.GET, {"status": "State"}, options),
        "total": reviews.count(),
        "crumbs": [("Access reviews", None)],
    }
    status = 200
    try:
        query = ReviewFilter.parse(request.GET, reader=request.user)
        context |= {"query": query, "page": query.page_of(reviews.with_people().with_progress())}
    except ValidationFailed as refusal:
        context["errors"], status = refusal.errors, UNPROCESSABLE
    return render_page(request, "reviews/review_list.html", context, "reviews/_review_table.html", status)


def _options(request: PageRequest, **offered: tuple[tuple[str, str], ...]) -> dict[str, list[Option]]:
    return {
        name: [(value, label, value == request.GET.get(name)) for value, label in choices]
        for name, choices in offered.items()
    }


@requires(USER_READ, FORM)
def show_review(request: PageRequest, review_id: int) -> HttpResponse:
    """The items of a review, to be decided; a POST saves the decisions of a page."""
    review = find_review(request.user, review_id)
    try:
        query = ItemFilter.parse(request.GET, reader=request.user)
    except ValidationFailed as refusal:
        return render_items(request, review, errors=refusal.errors, status=UNPROCESSABLE)
    if request.method == "POST":
        return _save(request, review, query)
    return render_items(request, review, page=query.page_of(review.items.with_subjects()))


def _save(request: PageRequest, review: Review, query: ItemFilter) -> HttpResponse:
    answers = Answers.read(request.POST)
    items = list(review.items.with_subjects().filter(pk__in=answers.sent).order_by("position"))
    choices = answers.new_ones(items)
    refused, page = answers.errors(choices), None
    if refused:
        page = query.page_of(review.items.with_subjects())
    else:
        outcomes = decide_items(actor=request.user, review_id=review.pk, choices=choices)
        if not outcomes.refused:
            messages.success(request, saved_sentence(len(outcomes.decided)))
            return redirect(request.get_full_path())
        refused = {pk: [_sentence(error)] for pk, error in outcomes.refused.items()}
        if outcomes.decided:
            messages.success(request, f"{len(outcomes.decided)} saved. The others are marked below.")
        # What others decided meanwhile is shown, with its new version.
        review = find_review(request.user, review.pk)
        items = list(review.items.with_subjects().filter(pk__in=answers.sent).order_by("position"))
        answers = answers.without(outcomes.decided)
        page = Page(items, len(items), 1, max(len(items), 1))
    return render_items(request, review, page=page, answers=answers, refused=refused, status=UNPROCESSABLE)


def _sentence(error: DomainError) -> str:
    return error.message


def render_items(
    request: PageRequest,
    review: Review,
    *,
    page: Page[ReviewItem] | None = None,
    answers: Answers | None = None,
    refused: Mapping[int, list[str]] | None = None,
    errors: Mapping[str, list[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = _rows(request, review, page, answers, refused or {})
    options = _options(request, show=SHOWN)
    is_reviewer = review.has_reviewer(request.user)
    context = {
        "review": review,
        "page": page,
        "rows": rows,
        "errors": errors,
        "refused_rows": [row for row in rows if row.errors],
        "is_reviewer": is_reviewer,
        "can_save": any(row.can_decide for row in rows),
        "rest": [row.item.pk for row in rows if row.can_decide and not row.item.decision],
        "unchanged": review.items.decidable_by(request.user).unchanged().count() if is_reviewer else 0,
        "typed": request.GET,
        "selects": [FilterSelect("show", "Lines", options["show"], any="All")],
        "chips": filter_chips(request.GET, {"search": "Search", "show": "Shown"}, options),
        "list_url": reverse("review", args=[review.pk]),
        "crumbs": [("Access reviews", reverse("reviews")), (review.name, None)],
    }
    return render_page(request, "reviews/review.html", context, "reviews/_review_items.html", status)


def _rows(
    request: PageRequest,
    review: Review,
    page: Page[ReviewItem] | None,
    answers: Answers | None,
    refused: Mapping[int, list[str]],
) -> list[Row]:
    items = page.items if page else []
    add_context(items)
    is_reviewer = review.has_reviewer(request.user)
    rows = rows_of(items, request.user, is_reviewer=is_reviewer, is_closed=review.is_closed)
    for row in rows:
        row.errors = list(refused.get(row.item.pk, []))
        if answers and row.can_decide:
            answers.put_back(row)
    return rows
