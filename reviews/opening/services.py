"""Opens reviews, the next rounds of recurring ones, and changes who decides until when."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from django.utils import timezone

from accounts.access.authorization import SYSTEM, Target, authorize, service
from accounts.models import Role, User
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication
from reviews.deadlines.mails import OPENED, mail_reviewers
from reviews.exceptions import ReviewClosed
from reviews.models import IfUnanswered, Review, ReviewItem
from reviews.models.days import next_round, today
from reviews.opening import checks
from reviews.permissions import ROLE_UPDATE
from reviews.subjects.lines import MAX_LINES, Line, differences
from reviews.subjects.scopes import COMPARED, lines_of

#: How many earlier reviews are looked at for what was decided last.
MAX_EARLIER = 8
NO_REVIEWERS = "Name who decides: usernames, or a role."


@service
def open_review(
    *,
    actor: Actor,
    name: str,
    scope_kind: str,
    roles: Collection[str] = (),
    reviewers: Collection[str] = (),
    reviewer_role: str | None = None,
    due: date,
    every_months: int | None = None,
    if_unanswered: str = IfUnanswered.KEEP,
) -> Review:
    """Write down who has what at this moment, for the reviewers to decide on until the end of the day `due`.

    Raises Forbidden, ValidationFailed, or Conflict where there is nothing to review.
    """
    authorize(actor, ROLE_UPDATE)
    chosen = checks.checked_roles(scope_kind, roles)
    deciders = checks.checked_reviewers(scope_kind, reviewers)
    role = checks.checked_reviewer_role(scope_kind, reviewer_role)
    if not deciders and role is None:
        raise ValidationFailed({"reviewers": [NO_REVIEWERS]})
    checks.check_due(due)
    checks.check_recurrence(today(), due, every_months)
    checks.check_unanswered(scope_kind, if_unanswered)
    if if_unanswered != IfUnanswered.KEEP:
        require_recent_authentication()
    review = Review(
        name=checks.checked_name(name),
        scope_kind=scope_kind,
        reviewer_role=role,
        due=due,
        every_months=every_months,
        if_unanswered=if_unanswered,
        first_opened_on=today(),
        next_opens_on=next_round(today(), every_months, today()) if every_months else None,
        opened_by_id=actor.pk,
    )
    return start(actor, review, chosen, deciders)


def start(actor: Actor, review: Review, roles: Iterable[Role], reviewers: Iterable[User]) -> Review:
    """Save a new review with its items, within the caller's transaction."""
    lines = lines_of(review.scope_kind, chosen := list(roles))
    if not lines:
        raise Conflict("There is nothing to review: nobody and nothing is in this scope.")
    if len(lines) > MAX_LINES:
        raise Conflict(f"A review has at most {MAX_LINES:,} lines, and this would be more. Review fewer roles.")
    review.opened_at = timezone.now()
    review.save()
    review.roles.set(chosen)
    review.reviewers.set(deciders := list(reviewers))
    _save_items(review, lines)
    record_review(
        actor,
        Action.REVIEW_OPEN,
        review,
        scope=review.scope,
        reviewers=[person.pk for person in deciders],
        reviewer_role=review.reviewer_role.name if review.reviewer_role else None,
        due=review.due.isoformat(),
        every_months=review.every_months,
        if_unanswered=review.if_unanswered,
        items=len(lines),
    )
    mail_reviewers(actor, review, OPENED)
    return review


def _save_items(review: Review, lines: list[Line]) -> None:
    earlier = _last_decisions(review)
    items = []
    for position, line in enumerate(lines, start=1):
        last = earlier.get(line.subject)
        changes = differences(last.facts, line.facts, COMPARED[line.kind]) if last else {}
        items.append(
            ReviewItem(
                review=review,
                position=position,
                kind=line.kind,
                user_id=line.user_id,
                role_id=line.role_id,
                key_id=line.key_id,
                application_id=line.application_id,
                facts=line.facts,
                changes=changes,
                last_review_id=last.review_id if last else None,
                is_unchanged=bool(last and last.decision == "keep" and not changes),
            )
        )
    ReviewItem.objects.bulk_create(items, batch_size=500)


def _last_decisions(review: Review) -> dict[tuple[object, ...], ReviewItem]:
    """What was decided last about each subject, in reviews of the same kind."""
    closed = Review.objects.closed().filter(scope_kind=review.scope_kind).exclude(pk=review.pk)
    recent = list(closed.order_by("-id").values_list("pk", flat=True)[:MAX_EARLIER])
    decided = ReviewItem.objects.filter(review__in=recent).exclude(decision="").order_by("review", "id")
    return {
        (item.kind, item.user_id, item.role_id, item.key_id, item.application_id): item
        for item in decided.iterator(chunk_size=1000)
    }


@service
def update_review(
    *,
    actor: Actor,
    review_id: int,
    reviewers: Collection[str] | None = None,
    due: date | None = None,
    **fields: Any,
) -> Review:
    """Change who decides (`reviewers`, `reviewer_role`), until when, and `every_months`: None ends the recurrence."""
    review = lock_review(actor, review_id)
    if review.is_closed and (reviewers is not None or due is not None or "reviewer_role" in fields):
        raise ReviewClosed
    changes: dict[str, tuple[object, object]] = {}
    if reviewers is not None:
        deciders = checks.checked_reviewers(review.scope_kind, reviewers)
        before = list(review.reviewers.all())
        if set(before) != set(deciders):
            changes["reviewers"] = (sorted(p.pk for p in before), sorted(p.pk for p in deciders))
            review.reviewers.set(deciders)
    if "reviewer_role" in fields:
        role = checks.checked_reviewer_role(review.scope_kind, fields["reviewer_role"])
        if role != review.reviewer_role:
            changes["reviewer_role"] = (str(review.reviewer_role or "") or None, str(role or "") or None)
            review.reviewer_role = role
    if due is not None and due != review.due:
        checks.check_due(due)
        changes["due"] = (review.due.isoformat(), due.isoformat())
        review.due, review.reminded = due, ""
    if "every_months" in fields and fields["every_months"] != review.every_months:
        _change_recurrence(review, fields["every_months"], changes)
    if not review.reviewer_role_id and not review.reviewers.exists():
        raise ValidationFailed({"reviewers": [NO_REVIEWERS]})
    checks.check_recurrence(timezone.localdate(review.opened_at), review.due, review.every_months)
    if changes:
        _authorize_consequences(actor, review)
        review.save()
        record_review(actor, Action.UPDATE, review, changes)
    return review


def _authorize_consequences(actor: Actor, review: Review) -> None:
    """Raise Forbidden unless `actor` holds what who opened it holds: unanswered items are acted on with those rights.

    A shorter time, or other reviewers, would have done what the actor has no right to do.
    """
    if review.if_unanswered != IfUnanswered.KEEP and review.opened_by is not None and review.opened_by_id != actor.pk:
        authorize(actor, review.opened_by.permissions_now_or_later, Target("review", review.pk))
        require_recent_authentication()


def _change_recurrence(review: Review, every_months: int | None, changes: dict[str, tuple[object, object]]) -> None:
    if every_months is not None and review.next_opens_on is None and review.every_months is not None:
        raise Conflict("A later round of this review was opened already. Change that one.")
    changes["every_months"] = (review.every_months, every_months)
    review.every_months = every_months
    review.next_opens_on = next_round(review.first_opened_on, every_months, today()) if every_months else None


def record_failed_round(review: Review, why: str) -> None:
    record_review(SYSTEM, Action.REVIEW_OPEN, review, success=False, reason=why)


def lock_review(actor: Actor, review_id: int) -> Review:
    """The review, locked until the transaction ends, if `actor` may change it. Raises Forbidden or NotFound."""
    review = Review.objects.select_for_update(no_key=True, of=("self",)).filter(pk=review_id).first()
    authorize(actor, ROLE_UPDATE, Target("review", review_id))
    if review is None:
        raise NotFound("review")
    return review


def record_review(actor: Actor, action: Action, review: Review, changes: Changes | None = None, **details: Any) -> None:
    """Record an event about a review. People are in it by their ids: they may be erased."""
    record(
        actor=actor,
        action=action,
        resource="review",
        resource_id=review.pk,
        resource_name=review.name,
        changes=changes,
        **details,
    )
