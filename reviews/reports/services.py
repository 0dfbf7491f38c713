"""Reports of reviews, compared with the log: each is itself recorded."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.access.authorization import authorize, service
from audit.export.bundles import Bundle, selected_bundle
from audit.models import Action, AuditLog, Checkpoint
from audit.models.querysets import AuditLogQuerySet
from audit.sealing.sealer import latest_checkpoint
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication
from reviews.models import Review, ReviewItem
from reviews.opening.services import record_review
from reviews.permissions import AUDIT_EXPORT
from reviews.subjects.context import add_context

HTML, CSV, BUNDLE = "html", "csv", "bundle"
FORMATS = (HTML, CSV, BUNDLE)


@dataclass(frozen=True, slots=True)
class Report:
    """A review's items in their order, the numbers of their events, and those that the log contradicts."""

    items: list[ReviewItem]
    events: dict[int, list[int]]
    contradicted: frozenset[int]
    checkpoint: Checkpoint | None

    @property
    def is_proven(self) -> bool:
        return not self.contradicted


@service
def start_report(*, actor: Actor, review: Review, file_format: str = HTML) -> Report:
    """Record a report and return it; raises Forbidden. The caller found the review among those that they may see."""
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    items = list(review.items.with_subjects().order_by("position"))
    add_context(items)
    events, contradicted = _compare(items, events_of(review))
    record_review(actor, Action.EXPORT, review, format=file_format, rows=len(items))
    return Report(items, events, contradicted, latest_checkpoint())


@service
def start_bundle(*, actor: Actor, review: Review) -> Bundle:
    """Record the export of a review's events with their proofs; raises Forbidden or ProofUnavailable."""
    authorize(actor, AUDIT_EXPORT)
    require_recent_authentication()
    bundle = selected_bundle(events_of(review), {"resource": "review", "resource_id": str(review.pk)})
    record_review(actor, Action.EXPORT, review, format=BUNDLE, rows=bundle.rows, checkpoint=bundle.size)
    return bundle


def events_of(review: Review) -> AuditLogQuerySet:
    return AuditLog.objects.filter(resource="review", resource_id=str(review.pk)).order_by("id")


def _compare(items: Iterable[ReviewItem], events: Iterable[AuditLog]) -> tuple[dict[int, list[int]], frozenset[int]]:
    """The events of each item, and the items whose decision isn't the one that the log has last."""
    numbers: dict[int, list[int]] = {}
    said: dict[int, tuple[object, object]] = {}
    for event in events:
        item = event.details.get("item")
        if event.action == Action.REVIEW_DECIDE and event.success and isinstance(item, int):
            numbers.setdefault(item, []).append(event.pk)
            decision = "" if event.details.get("unanswered") else event.details.get("decision")
            said[item] = (decision, event.user_id if decision and not event.details.get("carried_out") else None)
    wrong = {item.pk for item in items if not _is_said(item, said.get(item.pk))}
    return numbers, frozenset(wrong)


def _is_said(item: ReviewItem, said: tuple[object, object] | None) -> bool:
    if said is None:
        return not item.decision and not item.action
    decision, who = said
    return item.decision == decision and (who is None or who == item.decided_by_id)
