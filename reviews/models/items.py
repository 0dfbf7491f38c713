"""The items of a review: each is decided on its own."""

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, Role, User
from accounts.models.versioning import Versioned
from reviews.models.querysets import ReviewItemQuerySet
from reviews.models.reviews import Review
from sso.models import Application


class ItemKind(models.TextChoices):
    """What one item is about."""

    ACCOUNT = "account"
    #: A role that a person holds.
    GRANT = "grant"
    #: The role itself, with its permissions.
    ROLE = "role"
    KEY = "key"
    APPLICATION = "application"


class Decision(models.TextChoices):
    KEEP = "keep"
    CHANGE = "change"
    REMOVE = "remove"


class Outcome(models.TextChoices):
    """How far a removal, or a lock, is."""

    #: Unanswered when the review was closed; the server is about to do it.
    DUE = "due"
    DONE = "done"
    #: Someone else has to carry it out.
    PENDING = "pending"


class ReviewItem(Versioned, models.Model):
    """One account, grant, role, key or application, as it was when the review opened, and what was decided.

    Names of people aren't copied: erasing a person takes them out of every review.
    """

    NO_ACTION: ClassVar[str] = ""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="items")
    #: Its place in the review, from 1 on.
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=ItemKind)
    #: The account, the holder of a role, or the owner of a key.
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    role = models.ForeignKey(Role, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    #: As it was when the review opened (`reviews.subjects`).
    facts = models.JSONField(default=dict)
    #: What differs from the last review of the same: `{field: [old, new]}`.
    changes = models.JSONField(default=dict)
    #: The last review in which the same was decided.
    last_review = models.ForeignKey(Review, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    #: Kept in the last review, and nothing differs since.
    is_unchanged = models.BooleanField(default=False)
    decision = models.CharField(max_length=8, choices=Decision, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    #: Nobody decided before the review was closed.
    is_unanswered = models.BooleanField(default=False)
    #: What has to be done: "remove", "lock", or nothing.
    action = models.CharField(max_length=8, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    #: Why it isn't done yet.
    outcome_note = models.CharField(max_length=300, blank=True)
    done_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ReviewItemQuerySet.as_manager()

    class Meta:
        db_table = "review_items"
        default_permissions = ()
        ordering = ("review", "position")
        constraints = (models.UniqueConstraint(fields=["review", "position"], name="review_item_position"),)
        indexes = (
            models.Index(fields=["user", "-review"], name="review_item_user"),
            models.Index(fields=["review"], condition=Q(outcome="pending"), name="review_item_pending"),
            models.Index(fields=["review"], condition=Q(outcome="due"), name="review_item_due"),
        )

    def __str__(self) -> str:
        return f"item {self.position} of review {self.review_id}"

    @property
    def is_decided(self) -> bool:
        return bool(self.decision)

    @property
    def is_done(self) -> bool:
        return self.outcome == Outcome.DONE

    @property
    def is_pending(self) -> bool:
        return self.outcome == Outcome.PENDING

    def is_about(self, user_ids: Collection[int]) -> bool:
        """Whether it is about the access of one of these: of a reviewer, or of someone who may use their account."""
        return self.user_id is not None and self.user_id in user_ids
