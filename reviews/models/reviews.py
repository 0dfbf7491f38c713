"""An access review: what is looked through, by whom, until when."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.core.model_fields import PlainTextField
from accounts.models import Role, User
from accounts.models.versioning import Versioned
from reviews.models.days import today
from reviews.models.querysets import ReviewQuerySet


class ScopeKind(models.TextChoices):
    """What a review looks through."""

    ROLES = "roles"
    USERS = "users"
    KEYS = "keys"
    APPLICATIONS = "applications"


class IfUnanswered(models.TextChoices):
    """What becomes of items that nobody decided."""

    KEEP = "keep"
    REMOVE = "remove"
    LOCK = "lock"


class Review(Versioned, models.Model):
    """One round of a review. Rounds of a recurring one share their `series`; the latest of them knows the next day."""

    STATUSES: ClassVar[tuple[str, ...]] = ("open", "overdue", "closed")

    series = models.UUIDField(default=uuid4, editable=False)
    name = PlainTextField(max_length=80)
    scope_kind = models.CharField(max_length=16, choices=ScopeKind)
    #: Of `ScopeKind.ROLES`: those whose holders are looked through. A deleted role leaves it.
    roles = models.ManyToManyField(Role, related_name="+", db_table="review_roles", blank=True)
    reviewers = models.ManyToManyField(User, related_name="+", db_table="review_reviewers", blank=True)
    #: Its holders may decide as well.
    reviewer_role = models.ForeignKey(Role, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    #: The last day on which decisions are expected.
    due = models.DateField()
    if_unanswered = models.CharField(max_length=8, choices=IfUnanswered, default=IfUnanswered.KEEP)
    #: None: it happens once.
    every_months = models.PositiveSmallIntegerField(null=True, blank=True)
    #: When the next round opens, which clears this.
    next_opens_on = models.DateField(null=True, blank=True)
    #: The day from which the rounds of a series are counted: 31 January, 28 February, 31 March.
    first_opened_on = models.DateField(editable=False)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Who opened it, or set up the recurring one. Unanswered items are acted on with their rights.
    opened_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: None while it is open, and where it was closed because its time was over.
    closed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    #: Which mails to the reviewers have left: "soon", "overdue".
    reminded = models.CharField(max_length=16, blank=True, default="", editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    #: Annotated by `with_progress`.
    items_total: int
    items_decided: int

    objects = ReviewQuerySet.as_manager()

    class Meta:
        db_table = "reviews"
        default_permissions = ()
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["due"], condition=Q(closed_at__isnull=True), name="review_open_due"),
            models.Index(fields=["next_opens_on"], condition=Q(next_opens_on__isnull=False), name="review_next"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def is_overdue(self) -> bool:
        return not self.is_closed and self.due < today()

    @property
    def status(self) -> str:
        if self.is_closed:
            return "closed"
        return "overdue" if self.is_overdue else "open"

    @property
    def days_left(self) -> int:
        """Until the end of the last day; negative when overdue."""
        return (self.due - today()).days

    @property
    def scope(self) -> dict[str, object]:
        """As the API takes and gives it."""
        if self.scope_kind == ScopeKind.ROLES:
            return {"roles": [role.name for role in self.roles.all()]}
        return {self.scope_kind: True}

    @property
    def is_about_applications(self) -> bool:
        return self.scope_kind == ScopeKind.APPLICATIONS

    @property
    def days_over(self) -> int:
        return -self.days_left

    def has_reviewer(self, user: User) -> bool:
        """Whether they are named, or hold the reviewers' role. What else they need is another question."""
        if any(reviewer.pk == user.pk for reviewer in self.reviewers.all()):
            return True
        return self.reviewer_role is not None and self.reviewer_role.slug in user.grants.role_slugs
