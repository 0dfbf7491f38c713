"""Request and response bodies of access reviews."""

from typing import Any, cast

from rest_framework import serializers

from accounts.common.serializers import MessageAnswer, names_field
from accounts.models import User
from reprotech.api.fields import StrictBooleanField, StrictIntegerField, StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import PageAnswer
from reviews.models import Decision, IfUnanswered, ItemKind, Outcome, Review, ReviewItem
from sso.applications.serializers import StrictChoiceField


class ScopeBody(RequestBody):
    """What is reviewed: exactly one of these."""

    roles = names_field(required=False)
    users = StrictBooleanField(required=False)
    keys = StrictBooleanField(required=False)
    applications = StrictBooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        chosen = [name for name, value in attrs.items() if value is not False]
        if len(chosen) != 1:
            raise serializers.ValidationError("Give exactly one of: roles, users, keys, applications.")
        return {"scope_kind": chosen[0], "roles": attrs.get("roles", [])}


class OpenReviewBody(RequestBody):
    """Request body of `POST /api/reviews`."""

    name = StrictStringField(max_length=80)
    scope = ScopeBody()
    reviewers = names_field(required=False)
    reviewer_role = StrictStringField(
        required=False, allow_blank=True, max_length=80, help_text="A role whose holders may decide too."
    )
    due = serializers.DateField(help_text="The last day, such as 2030-01-31.")
    every_months = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=36)
    if_unanswered = StrictChoiceField(choices=IfUnanswered.choices, required=False)


class UpdateReviewBody(RequestBody):
    """`PATCH /api/reviews/{id}`: what is left out stays as it is."""

    hints = dict.fromkeys(("name", "scope", "if_unanswered"), "This can't be changed: close it and open another.")

    reviewers = names_field(required=False)
    reviewer_role = StrictStringField(required=False, allow_blank=True, allow_null=True, max_length=80)
    due = serializers.DateField(required=False)
    every_months = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=36, help_text="null ends the recurrence."
    )


class DecisionBody(RequestBody):
    """Request body of a decision."""

    decision = StrictChoiceField(choices=Decision.choices)
    reason = StrictStringField(
        required=False, allow_blank=True, max_length=500, help_text="Required for `remove` and `change`."
    )


class ReviewAnswer(serializers.Serializer[Review]):
    """A review and how far it is."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Review.STATUSES)
    scope = serializers.DictField()
    reviewers = serializers.SerializerMethodField()
    reviewer_role = serializers.SerializerMethodField()
    due = serializers.DateField()
    every_months = serializers.IntegerField(allow_null=True)
    next_opens_on = serializers.DateField(allow_null=True)
    if_unanswered = serializers.ChoiceField(choices=IfUnanswered.choices)
    items = serializers.IntegerField(source="items_total")
    decided = serializers.IntegerField(source="items_decided")
    removed = serializers.IntegerField(source="items_removed")
    to_carry_out = serializers.IntegerField(source="items_pending", help_text="Removals that someone still has to do.")
    opened_at = serializers.DateTimeField()
    opened_by = serializers.SerializerMethodField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.SerializerMethodField()

    def get_reviewers(self, review: Review) -> list[str]:
        return sorted(person.username for person in review.reviewers.all())

    def get_reviewer_role(self, review: Review) -> str | None:
        return review.reviewer_role.name if review.reviewer_role else None

    def get_opened_by(self, review: Review) -> str | None:
        return review.opened_by.username if review.opened_by else None

    def get_closed_by(self, review: Review) -> str | None:
        return review.closed_by.username if review.closed_by else None


class ReviewListAnswer(PageAnswer):
    """A page of reviews."""

    reviews = ReviewAnswer(many=True)


class ReviewChangedAnswer(MessageAnswer):
    """The outcome, and the review after the change."""

    review = ReviewAnswer()


class ItemPersonAnswer(serializers.Serializer[User]):
    """The person whom an item is about."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    full_name = serializers.CharField()


class ItemAnswer(serializers.Serializer[ReviewItem]):
    """An item with the facts of the day on which the review opened, and what was decided."""

    id = serializers.IntegerField()
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ItemKind.choices)
    user = ItemPersonAnswer(allow_null=True)
    role = serializers.SerializerMethodField()
    key = serializers.SerializerMethodField()
    application = serializers.SerializerMethodField()
    facts = serializers.DictField()
    granted_by = serializers.CharField(source="granted_by_name", allow_null=True)
    changed_since_last_review = serializers.DictField(source="changes")
    last_review = serializers.IntegerField(source="last_review_id", allow_null=True)
    changed_meanwhile = serializers.DictField(
        allow_null=True, help_text="What differs now from when the review opened; null if it is gone."
    )
    decision = serializers.ChoiceField(choices=Decision.choices, allow_null=True, source="given_decision")
    reason = serializers.CharField()
    decided_by = serializers.SerializerMethodField()
    decided_at = serializers.DateTimeField(allow_null=True)
    is_unanswered = serializers.BooleanField()
    action = serializers.CharField(help_text="What the decision, or the lack of one, asks for: `remove`, `lock` or ``.")
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True, source="given_outcome")
    outcome_note = serializers.CharField()
    carried_out_by = serializers.ListField(
        child=serializers.CharField(), source="who_can", help_text="Who may carry out what is pending; the first few."
    )
    version = serializers.CharField(help_text="To be sent as `If-Match` with a decision, in quotes.")

    def get_role(self, item: ReviewItem) -> str | None:
        return item.role.name if item.role else item.facts.get("role")

    def get_key(self, item: ReviewItem) -> str | None:
        return cast("str | None", item.facts.get("key"))

    def get_application(self, item: ReviewItem) -> str | None:
        return item.application.name if item.application else item.facts.get("name")

    def get_decided_by(self, item: ReviewItem) -> str | None:
        return item.decided_by.username if item.decided_by else None


class ItemListAnswer(PageAnswer):
    """A page of items."""

    items = ItemAnswer(many=True)


class ItemChangedAnswer(MessageAnswer):
    """The outcome, and the item after the decision."""

    item = ItemAnswer()


class KeptAnswer(MessageAnswer):
    """How many items were kept."""

    kept = serializers.IntegerField()
