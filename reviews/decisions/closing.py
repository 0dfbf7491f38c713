"""Closes reviews, and carries out once what was set for unanswered items.

A review is closed in one transaction, from which on nobody decides. Each unanswered item has one of its own then: if
the process ends in between, the worker goes on with those that are left.
"""

from django.utils import timezone

from accounts.access.authorization import SYSTEM, service
from accounts.models import User
from audit.models import Action
from audit.services import record_events
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication
from reviews.decisions.removals import try_to_carry_out
from reviews.decisions.services import decision_event, set_result
from reviews.exceptions import ReviewClosed
from reviews.models import Decision, IfUnanswered, Outcome, Review, ReviewItem
from reviews.opening.services import lock_review, record_review


def close_review(*, actor: Actor, review_id: int) -> Review:
    """Close a review; raises NotFound, Forbidden, or ReviewClosed."""
    review = _close(actor=actor, review_id=review_id)
    carry_out_unanswered(review)
    return review


@service
def _close(*, actor: Actor, review_id: int) -> Review:
    review = lock_review(actor, review_id)
    if review.is_closed:
        raise ReviewClosed
    unanswered = review.items.undecided()
    if review.if_unanswered != IfUnanswered.KEEP and unanswered.exists():
        require_recent_authentication()
    return mark_closed(actor, review)


def mark_closed(actor: Actor, review: Review) -> Review:
    """Close a locked review, within the caller's transaction."""
    now, unanswered = timezone.now(), review.items.undecided()
    counts = {decision.value: review.items.filter(decision=decision).count() for decision in Decision}
    counts["unanswered"] = unanswered.count()
    if review.if_unanswered == IfUnanswered.KEEP:
        unanswered.update(is_unanswered=True, updated_at=now)
    else:
        # A role itself isn't anyone's access: it stays.
        unanswered.filter(kind="role").update(is_unanswered=True, updated_at=now)
        unanswered.exclude(kind="role").update(
            is_unanswered=True, action=review.if_unanswered, outcome=Outcome.DUE, updated_at=now
        )
    review.closed_at, review.closed_by_id = now, actor.pk
    review.save()
    record_review(actor, Action.REVIEW_CLOSE, review, decisions=counts, if_unanswered=review.if_unanswered)
    return review


def carry_out_unanswered(review: Review) -> int:
    """Do what was set for unanswered items; returns for how many. Several processes may do this at once."""
    # With the rights of a person, never more: of who closed it, or who set it up.
    person = User.objects.active().filter(pk=review.closed_by_id or review.opened_by_id).first()
    count = 0
    # In the order in which services lock users.
    due = review.items.filter(outcome=Outcome.DUE).order_by("user_id", "pk")
    for item_id in list(due.values_list("pk", flat=True)):
        count += _carry_out(actor=person or SYSTEM, person=person, review=review, item_id=item_id)
    return count


@service
def _carry_out(*, actor: Actor, person: User | None, review: Review, item_id: int) -> bool:
    user_id = ReviewItem.objects.filter(pk=item_id).values_list("user_id", flat=True).first()
    if user_id:
        User.objects.lock(user_id)
    found = review.items.select_for_update(of=("self",)).select_related("key", "role", "application")
    item = found.filter(pk=item_id, outcome=Outcome.DUE).first()
    if item is None:
        return False  # another process was first
    if person is None:
        item.outcome, item.outcome_note = Outcome.PENDING, "Who set this up can't sign in any more."
    else:
        set_result(actor, item, try_to_carry_out(person, item, item.action))
    item.save()
    record_events([decision_event(actor, review, item)])
    return True
