"""Decides items, one at a time or many that are kept, and carries out what was left to others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from accounts.access.authorization import Target, authorize, service
from accounts.models import User
from audit.models import Action, AuditLog
from audit.services import build_event, record_events
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, DomainError, NotFound
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.core.request_context import current_reason
from reviews.decisions.checks import checked_reason, lock_for_decision, refuse_decided, refuse_own, selves_of
from reviews.decisions.removals import REMOVE, Result, carry_out
from reviews.models import Decision, Outcome, Review, ReviewItem
from reviews.permissions import USER_READ

UNCHANGED_REASON = "Unchanged since the last review."
BATCH_SIZE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reviewer decided about an item that had this version before them; "" where they don't say."""

    decision: str
    reason: str = ""
    version: str = ""


@dataclass(slots=True)
class Outcomes:
    """Of many decisions at once: each is made, or refused with a sentence."""

    decided: list[int] = field(default_factory=list)
    refused: dict[int, DomainError] = field(default_factory=dict)


@service
def decide_item(
    *,
    actor: Actor,
    review_id: int,
    item_id: int,
    decision: str,
    reason: str = "",
    expected_versions: Collection[str] = (),
) -> ReviewItem:
    """Record a decision; a removal is carried out by the ordinary service, or left to those who may.

    Raises NotFound, Forbidden, ValidationFailed, NotReviewer, and Conflict about oneself, for a closed review, one that
    another decided, or that the ordinary service refuses.
    """
    text = checked_reason(decision, reason)
    _lock_person(review_id, item_id)
    review = lock_for_decision(actor, review_id)
    found = review.items.select_for_update(of=("self",)).select_related("key", "role", "application", "decided_by")
    item: ReviewItem | None = found.filter(pk=item_id).first()
    if item is None:
        raise NotFound("item")
    if not _set_decision(actor, selves_of(actor), item, Choice(decision, text), expected_versions):
        return item
    if decision == Decision.REMOVE:
        set_result(actor, item, carry_out(actor, item, REMOVE))
    item.save()
    record_events([decision_event(actor, review, item)])
    return item


def _lock_person(review_id: int, item_id: int) -> None:
    # First: services lock users before anything else, so no two can wait for each other.
    row = ReviewItem.objects.filter(review=review_id, pk=item_id).values_list("user_id", flat=True).first()
    if row:
        User.objects.lock(row)


def decide_items(*, actor: Actor, review_id: int, choices: Mapping[int, Choice]) -> Outcomes:
    """Decide many, each by itself: one that is refused holds no other up. Raises ValidationFailed before them all."""
    for choice in choices.values():
        checked_reason(choice.decision, choice.reason)
    removals = {pk: choice for pk, choice in choices.items() if choice.decision == Decision.REMOVE}
    if removals:
        # Before anything is stored: afterwards the whole form is sent again.
        require_recent_authentication()
    others = {pk: choice for pk, choice in choices.items() if pk not in removals}
    outcomes = _decide_many(actor=actor, review_id=review_id, choices=others) if others else Outcomes()
    for pk, choice in removals.items():
        versions = [choice.version] if choice.version else []
        try:
            decide_item(
                actor=actor,
                review_id=review_id,
                item_id=pk,
                decision=choice.decision,
                reason=choice.reason,
                expected_versions=versions,
            )
            outcomes.decided.append(pk)
        except Conflict as refusal:
            outcomes.refused[pk] = refusal
    return outcomes


@service
def _decide_many(*, actor: Actor, review_id: int, choices: Mapping[int, Choice]) -> Outcomes:
    """Decisions that carry nothing out, in a fixed number of queries."""
    review, outcomes = lock_for_decision(actor, review_id), Outcomes()
    found = review.items.select_for_update(of=("self",)).select_related("decided_by").filter(pk__in=choices)
    changed, selves = [], selves_of(actor)
    for item in found.order_by("pk"):
        choice = choices[item.pk]
        try:
            if _set_decision(actor, selves, item, choice, [choice.version] if choice.version else []):
                changed.append(item)
            outcomes.decided.append(item.pk)
        except DomainError as refusal:
            outcomes.refused[item.pk] = refusal
    _save_many(actor, review, changed)
    return outcomes


@service
def keep_unchanged(*, actor: Actor, review_id: int) -> int:
    """Keep all that is undecided, was kept in the last review and hasn't changed since; each is on record.

    Returns how many these are. What is about the actor stays for another reviewer.
    """
    review = lock_for_decision(actor, review_id)
    selves = selves_of(actor)
    found = review.items.select_for_update(of=("self",)).undecided().unchanged().exclude(user__in=selves)
    items = list(found.order_by("pk"))
    for item in items:
        _set_decision(actor, selves, item, Choice(Decision.KEEP, UNCHANGED_REASON), [])
    _save_many(actor, review, items)
    return len(items)


def _set_decision(
    actor: Actor, selves: Collection[int], item: ReviewItem, choice: Choice, expected_versions: Collection[str]
) -> bool:
    """Whether it is another decision than before, after the rules about one item."""
    refuse_own(actor, selves, item)
    reason = choice.reason.strip() or current_reason().text
    is_same = item.decision == choice.decision and item.reason == reason and item.decided_by_id == actor.pk
    if is_same:
        return False
    refuse_decided(actor, item, expected_versions)
    item.decision, item.reason = choice.decision, reason
    item.decided_by_id, item.decided_at = actor.pk, timezone.now()
    item.action, item.outcome, item.outcome_note = "", "", ""
    return True


def _save_many(actor: Actor, review: Review, items: list[ReviewItem]) -> None:
    now = timezone.now()
    for item in items:
        item.updated_at = now
    names = ("decision", "reason", "decided_by", "decided_at", "action", "outcome", "outcome_note", "updated_at")
    ReviewItem.objects.bulk_update(items, names, batch_size=BATCH_SIZE)
    record_events(decision_event(actor, review, item) for item in items)


def set_result(actor: Actor, item: ReviewItem, result: Result) -> None:
    item.action = item.action or REMOVE
    item.outcome = Outcome.DONE if result.is_done else Outcome.PENDING
    item.outcome_note = result.note[:300]
    if result.is_done:
        item.done_by_id, item.done_at = actor.pk, timezone.now()


@service
def carry_out_removal(*, actor: Actor, review_id: int, item_id: int) -> ReviewItem:
    """Carry out what a reviewer decided and had no right to do, also after the review was closed.

    Raises NotFound, Forbidden as the ordinary service does, or Conflict where nothing is left to do.
    """
    _lock_person(review_id, item_id)
    review = Review.objects.filter(pk=review_id).first()
    authorize(actor, USER_READ, Target("review", review_id))
    found = ReviewItem.objects.select_for_update(of=("self",)).select_related("key", "role", "application")
    item: ReviewItem | None = found.filter(review=review_id, pk=item_id).first()
    if review is None or item is None:
        raise NotFound("item")
    if not item.is_pending:
        raise Conflict("There is nothing left to carry out here.")
    result = carry_out(actor, item, item.action)
    if not result.is_done:
        raise Conflict(f"You can't carry this out: {result.note}")
    set_result(actor, item, result)
    item.save()
    record_events([decision_event(actor, review, item, carried_out=True)])
    return item


def decision_event(actor: Actor, review: Review, item: ReviewItem, **details: Any) -> AuditLog:
    """Of an item; people are in it by their ids, since they may be erased."""
    if item.user_id:
        # Whose history it is part of, and with whom the reason is erased.
        details["owner_id"] = item.user_id
    if item.reason:
        details["reason_given"] = item.reason
    if item.is_unanswered:
        details["unanswered"] = True
    return build_event(
        actor=actor,
        action=Action.REVIEW_DECIDE,
        resource="review",
        resource_id=review.pk,
        resource_name=review.name,
        item=item.pk,
        about=subject_of(item),
        decision=item.decision or item.action,
        outcome=item.outcome,
        **details,
    )


def subject_of(item: ReviewItem) -> dict[str, object]:
    """What an item is about, for programs: its kind, and ids and names that are nobody's."""
    found = {
        "kind": item.kind,
        "user_id": item.user_id,
        "role": item.facts.get("role"),
        "api_key": item.facts.get("key"),
        "application_id": item.application_id,
    }
    return {name: value for name, value in found.items() if value is not None}
