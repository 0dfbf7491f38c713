"""`/api/reviews`."""

from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.models import User
from reprotech.api.etags import ETAG, IF_MATCH, expected_versions, versioned_response
from reprotech.api.request_bodies import EmptyBody
from reprotech.api.schema import query_parameters
from reprotech.api.serialization import serialize, serialize_many
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotFound
from reviews.api import serializers as shapes
from reviews.api.filters import ItemFilter, ReportParams, ReviewFilter
from reviews.decisions import closing
from reviews.decisions import services as decision_services
from reviews.models import Review, ReviewItem
from reviews.opening import services as opening_services
from reviews.permissions import AUDIT_EXPORT, ROLE_UPDATE, USER_READ
from reviews.reports.files import html_file, report_file
from reviews.reports.services import HTML
from reviews.subjects.context import add_context


def find_review(reader: User, review_id: int) -> Review:
    """The review as `reader` may see it, with its progress, or NotFound."""
    found = Review.objects.visible_to(reader).with_people().with_progress().filter(pk=review_id).first()
    if found is None:
        raise NotFound("review")
    return found


def find_item(review: Review, item_id: int) -> ReviewItem:
    item = review.items.with_subjects().filter(pk=item_id).first()
    if item is None:
        raise NotFound("item")
    add_context([item])
    return item


class ReviewViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": USER_READ,
        "retrieve": USER_READ,
        "create": ROLE_UPDATE,
        "update": ROLE_UPDATE,
        "close": ROLE_UPDATE,
        "report": AUDIT_EXPORT,
    }

    @extend_schema(
        parameters=query_parameters(ReviewFilter),
        responses=shapes.ReviewListAnswer,
        summary="List access reviews",
    )
    def list(self, request: SignedInRequest) -> Response:
        """Reviews of which one is a reviewer and, with `role_read`, all others; the latest first."""
        query = ReviewFilter.parse(request.GET, reader=request.user)
        page = query.page_of(Review.objects.visible_to(request.user).with_people().with_progress())
        return Response(page.as_dict("reviews", partial(serialize_many, shapes.ReviewAnswer)))

    @extend_schema(
        request=shapes.OpenReviewBody,
        responses={201: shapes.ReviewChangedAnswer},
        parameters=[ETAG],
        summary="Open an access review",
    )
    def create(self, request: SignedInRequest) -> Response:
        """Open a review: its items are written down as they are at this moment, and the reviewers get a mail.

        With `every_months` another round opens by itself after so many months. `if_unanswered` is what becomes of items
        that nobody decided: with `remove` and `lock` the review is closed after its last day, and they are carried out
        with the rights of who opened it.
        """
        body = shapes.OpenReviewBody.read(request)
        scope: dict[str, Any] = body.pop("scope")
        review = opening_services.open_review(actor=request.user, **scope, **body)
        return self._changed(review.pk, "Review opened successfully", status=201)

    @extend_schema(responses=shapes.ReviewAnswer, parameters=[ETAG], summary="Show an access review")
    def retrieve(self, request: SignedInRequest, review_id: int) -> Response:
        """A review and how far it is."""
        review = find_review(request.user, review_id)
        return versioned_response(review, serialize(shapes.ReviewAnswer, review))

    @extend_schema(
        request=shapes.UpdateReviewBody,
        responses=shapes.ReviewChangedAnswer,
        parameters=[ETAG],
        summary="Change an access review",
    )
    def update(self, request: SignedInRequest, review_id: int) -> Response:
        """Change who decides, the last day, or whether it recurs."""
        opening_services.update_review(actor=request.user, review_id=review_id, **shapes.UpdateReviewBody.read(request))
        return self._changed(review_id, "Review updated successfully")

    @extend_schema(request=EmptyBody, responses=shapes.ReviewChangedAnswer, summary="Close an access review")
    def close(self, request: SignedInRequest, review_id: int) -> Response:
        """Close a review: nobody decides any more, and what was set for unanswered items is carried out, once."""
        EmptyBody.read(request)
        closing.close_review(actor=request.user, review_id=review_id)
        return self._changed(review_id, "Review closed successfully")

    @extend_schema(
        parameters=query_parameters(ReportParams),
        responses={(200, "text/html"): str, (200, "text/csv"): str, (200, "application/x-ndjson"): str},
        summary="Download the report of a review",
    )
    def report(self, request: SignedInRequest, review_id: int) -> HttpResponseBase:
        """Each item with its decision and its events, as a page to print, as CSV, or as a bundle of the events.

        The page and CSV say of each decision whether it is the last one in the audit log; a bundle proves the events
        to `scripts/verify-export`. Making a report is itself recorded.
        """
        query = ReportParams.from_request(request)
        review = find_review(request.user, review_id)
        file_format = query.value("format") or HTML
        if file_format == HTML:
            return html_file(request.user, review)
        return report_file(actor=request.user, review=review, file_format=file_format)

    def _changed(self, review_id: int, message: str, status: int = 200) -> Response:
        # Unscoped: who opened a review of applications need not be able to read it.
        review = Review.objects.with_people().with_progress().get(pk=review_id)
        body = {"message": message, "review": serialize(shapes.ReviewAnswer, review)}
        return versioned_response(review, body, status)


class ReviewItemViewSet(ViewSet):
    required_permissions: ClassVar = {
        "list": USER_READ,
        "retrieve": USER_READ,
        "decide": USER_READ,
        "keep_unchanged": USER_READ,
        "carry_out": USER_READ,
    }

    @extend_schema(
        parameters=query_parameters(ItemFilter), responses=shapes.ItemListAnswer, summary="List the items of a review"
    )
    def list(self, request: SignedInRequest, review_id: int) -> Response:
        """Items with their facts, a page at a time."""
        review = find_review(request.user, review_id)
        page = ItemFilter.parse(request.GET, reader=request.user).page_of(review.items.with_subjects())
        add_context(page.items)
        return Response(page.as_dict("items", partial(serialize_many, shapes.ItemAnswer)))

    @extend_schema(responses=shapes.ItemAnswer, parameters=[ETAG], summary="Show an item of a review")
    def retrieve(self, request: SignedInRequest, review_id: int, item_id: int) -> Response:
        """An item; its `ETag` is for the decision."""
        item = find_item(find_review(request.user, review_id), item_id)
        return versioned_response(item, serialize(shapes.ItemAnswer, item))

    @extend_schema(
        request=shapes.DecisionBody,
        responses=shapes.ItemChangedAnswer,
        parameters=[IF_MATCH, ETAG],
        summary="Decide an item",
    )
    def decide(self, request: SignedInRequest, review_id: int, item_id: int) -> Response:
        """Decide an item. A removal is carried out at once, in the reviewer's name and by the rules of any removal.

        Where the reviewer lacks the right, the decision stands, and `outcome` is `pending` until someone carries it
        out. Another's decision is changed only with `If-Match`; 409 says who decided what.
        """
        review = find_review(request.user, review_id)
        decision_services.decide_item(
            actor=request.user,
            review_id=review.pk,
            item_id=item_id,
            expected_versions=expected_versions(request),
            **shapes.DecisionBody.read(request),
        )
        return self._decided(review, item_id, "Decision recorded")

    @extend_schema(request=EmptyBody, responses=shapes.KeptAnswer, summary="Keep what is unchanged")
    def keep_unchanged(self, request: SignedInRequest, review_id: int) -> Response:
        """Keep all undecided items that were kept in the last review and haven't changed since; each is on record."""
        EmptyBody.read(request)
        review = find_review(request.user, review_id)
        kept = decision_services.keep_unchanged(actor=request.user, review_id=review.pk)
        return Response({"message": f"{kept} kept", "kept": kept})

    @extend_schema(request=EmptyBody, responses=shapes.ItemChangedAnswer, summary="Carry out a removal")
    def carry_out(self, request: SignedInRequest, review_id: int, item_id: int) -> Response:
        """Carry out a removal that its reviewer had no right to do."""
        EmptyBody.read(request)
        review = find_review(request.user, review_id)
        decision_services.carry_out_removal(actor=request.user, review_id=review.pk, item_id=item_id)
        return self._decided(review, item_id, "Removal carried out")

    def _decided(self, review: Review, item_id: int, message: str) -> Response:
        item = find_item(review, item_id)
        return versioned_response(item, {"message": message, "item": serialize(shapes.ItemAnswer, item)})
