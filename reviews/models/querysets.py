"""Queries on reviews and their items, as adjectives."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from accounts.access.second_person import possible_selves
from accounts.permissions import ROLE_READ, SETTINGS_READ
from reprotech.core.normalization import fold_text
from reviews.models.days import today

if TYPE_CHECKING:
    from accounts.models import User
    from reviews.models import Review, ReviewItem  # noqa: F401 (named in strings below)


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, actor: "User") -> Self:
        """Reviews that `actor` may know of: their own, and with `role_read` all; of applications with `settings_read`.

        That they may read users at all is another question.
        """
        held = actor.grants
        assigned = Q(pk__in=self.model.reviewers.through.objects.filter(user=actor.pk).values("review"))
        assigned |= Q(reviewer_role__slug__in=held.role_slugs)
        others = Q() if actor.has_perm(ROLE_READ) else assigned
        if not actor.has_perm(SETTINGS_READ):
            others &= ~Q(scope_kind="applications")
        return self.filter(others)

    def assigned_to(self, actor: "User") -> Self:
        """Reviews whose items `actor` may decide."""
        named = self.model.reviewers.through.objects.filter(user=actor.pk).values("review")
        return self.filter(Q(pk__in=named) | Q(reviewer_role__slug__in=actor.grants.role_slugs))

    def unclosed(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def closed(self) -> Self:
        return self.filter(closed_at__isnull=False)

    def overdue(self) -> Self:
        return self.unclosed().filter(due__lt=today())

    def with_status(self, status: str) -> Self:
        if status == "closed":
            return self.closed()
        return self.overdue() if status == "overdue" else self.unclosed().filter(due__gte=today())

    def with_people(self) -> Self:
        """The reviewers, the roles of the scope and who opened and closed it."""
        related = self.select_related("reviewer_role", "opened_by", "closed_by")
        return related.prefetch_related("reviewers", "roles")

    def with_progress(self) -> Self:
        """Annotate how many items there are, are decided, and wait to be carried out."""
        return self.annotate(
            items_total=Count("items"),
            items_decided=Count("items", filter=~Q(items__decision="")),
            items_removed=Count("items", filter=Q(items__decision="remove")),
            items_pending=Count("items", filter=Q(items__outcome="pending")),
        )

    def due_for_next_round(self) -> Self:
        return self.filter(next_opens_on__lte=today())


class ReviewItemQuerySet(models.QuerySet["ReviewItem"]):
    def undecided(self) -> Self:
        return self.filter(decision="")

    def decidable_by(self, actor: "User") -> Self:
        """Those that are undecided and that `actor` may decide: see `ReviewItem.is_about`."""
        return self.undecided().exclude(user__in=possible_selves(actor))

    def unchanged(self) -> Self:
        """Kept in the last review, without any difference since."""
        return self.filter(is_unchanged=True)

    def pending(self) -> Self:
        return self.filter(outcome="pending")

    def search(self, term: str) -> Self:
        """The person's name, username or address, the role or the application contains `term`."""
        folded = " ".join(fold_text(term).split())
        return self.filter(
            Q(user__search_text__contains=folded)
            | Q(role__name__icontains=term.strip())
            | Q(application__name__icontains=term.strip())
        )

    def with_subjects(self) -> Self:
        return self.select_related(
            "user", "role", "key", "application", "decided_by", "done_by", "last_review", "key__created_by"
        )

    def long_due(self) -> Self:
        """Unanswered ones whose process ended before it carried them out."""
        return self.filter(outcome="due", updated_at__lt=timezone.now() - timedelta(minutes=2))
