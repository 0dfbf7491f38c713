"""Who may decide an item, and with which words."""

from collections.abc import Collection

from django.core.exceptions import ValidationError

from accounts.access.authorization import Target, authorize
from accounts.access.second_person import possible_selves
from accounts.core.validators import validate_plain_text
from accounts.models import User
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound, ValidationFailed
from reprotech.core.request_context import current_reason
from reviews.exceptions import (
    AccessOfWhoLetIn,
    DecidedMeanwhile,
    DecidedSince,
    NotReviewer,
    OwnAccess,
    ReviewClosed,
)
from reviews.models import Decision, Review, ReviewItem
from reviews.permissions import SETTINGS_READ, USER_READ

MAX_REASON = 500


def checked_reason(decision: str, reason: str) -> str:
    """The reason without blanks at its ends; raises ValidationFailed, also for an unknown decision."""
    if decision not in Decision.values:
        raise ValidationFailed({"decision": [f"Give one of: {', '.join(Decision.values)}."]})
    text = reason.strip() or current_reason().text
    if len(text) > MAX_REASON:
        raise ValidationFailed({"reason": [f"Use at most {MAX_REASON} characters."]})
    try:
        validate_plain_text(text)
    except ValidationError as error:
        raise ValidationFailed({"reason": list(error.messages)}) from None
    if decision == Decision.REMOVE and not text:
        raise ValidationFailed({"reason": ["Say why this access is removed."]})
    if decision == Decision.CHANGE and not text:
        raise ValidationFailed({"reason": ["Say what has to change."]})
    return text


def lock_for_decision(actor: Actor, review_id: int) -> Review:
    """The review, locked until the transaction ends, if `actor` may decide in it now.

    Raises Forbidden, NotFound, NotReviewer or ReviewClosed. Without the right to read users a reviewer decides nothing.
    """
    found = Review.objects.select_for_update(no_key=True, of=("self",)).select_related("reviewer_role")
    review = found.prefetch_related("reviewers").filter(pk=review_id).first()
    target = Target("review", review_id)
    authorize(actor, USER_READ, target)
    if review is None:
        raise NotFound("review")
    if review.is_about_applications:
        authorize(actor, SETTINGS_READ, target)
    # Read again: their roles may have been taken since the request began.
    person = User.objects.active().filter(pk=actor.pk).first()
    if person is None or not review.has_reviewer(person):
        raise NotReviewer
    if review.is_closed:
        raise ReviewClosed
    return review


def refuse_own(actor: Actor, selves: Collection[int], item: ReviewItem) -> None:
    """Raise OwnAccess or AccessOfWhoLetIn for what another reviewer has to decide."""
    if item.is_about(selves):
        raise OwnAccess if item.user_id == actor.pk else AccessOfWhoLetIn


def selves_of(actor: Actor) -> frozenset[int]:
    """Those whose access the reviewer doesn't decide about."""
    return possible_selves(User.objects.get(pk=actor.pk))


def refuse_decided(actor: Actor, item: ReviewItem, expected_versions: Collection[str]) -> None:
    """Raise DecidedSince or DecidedMeanwhile where another decision stands that the reviewer didn't know of."""
    if item.is_done:
        raise DecidedMeanwhile(f"{_who(actor, item)} and it was carried out. What was removed has to be given again.")
    if expected_versions and item.version not in expected_versions:
        raise DecidedSince(f"{_who(actor, item)} meanwhile. Look at it again.")
    if item.decision and item.decided_by_id != actor.pk and not expected_versions:
        raise DecidedMeanwhile(f"{_who(actor, item)}. Look at it again to decide otherwise.")


WORDS = {Decision.KEEP: "kept this", Decision.CHANGE: "asked for a change of this", Decision.REMOVE: "removed this"}


def _who(actor: Actor, item: ReviewItem) -> str:
    if not item.decision or item.decided_at is None:
        return "This line was changed"
    who = "You yourself" if item.decided_by_id == actor.pk else (item.decided_by and item.decided_by.username)
    moment = f"{item.decided_at:%H:%M} UTC on {item.decided_at:%-d %b %Y}"
    return f"{who or 'Someone'} {WORDS[Decision(item.decision)]} at {moment}"
