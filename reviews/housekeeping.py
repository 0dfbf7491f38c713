"""What time does to reviews: reminders, the end of the last day, and the next round; in a thread of each process.

Each is done once, whichever process comes first: the row is locked and looked at again.
"""

from datetime import timedelta

from django.utils import timezone

from accounts.access.authorization import SYSTEM, service
from reprotech.core.background import PeriodicThread
from reprotech.core.exceptions import Conflict
from reviews.deadlines import mails
from reviews.decisions.closing import carry_out_unanswered, mark_closed
from reviews.models import IfUnanswered, Review, ReviewItem
from reviews.models.days import next_round, today
from reviews.opening import services as opening_services

INTERVAL_SECONDS = 30
#: How long before the last day the reviewers are reminded.
REMIND_BEFORE = timedelta(days=3)
SOON, OVERDUE = "soon", "overdue"


def start() -> None:
    PeriodicThread(
        "access-reviews",
        maintain_reviews,
        INTERVAL_SECONDS,
        problem="Access reviews can't be looked after at the moment.",
        recovered="Access reviews are looked after again.",
    ).start()


def maintain_reviews() -> None:
    _remind()
    _close_overdue()
    _open_next_rounds()
    _finish_interrupted()


def _remind() -> None:
    now = today()
    # A review that lasts so short has no reminder: its opening was one.
    soon = Review.objects.unclosed().filter(due__gte=now, due__lte=now + REMIND_BEFORE, reminded="")
    for pk in soon.filter(opened_at__lt=timezone.now() - REMIND_BEFORE).values_list("pk", flat=True):
        _remind_once(actor=SYSTEM, pk=pk, stage=SOON)
    for pk in Review.objects.overdue().exclude(reminded=OVERDUE).values_list("pk", flat=True):
        _remind_once(actor=SYSTEM, pk=pk, stage=OVERDUE)


@service
def _remind_once(*, actor: object, pk: int, stage: str) -> None:  # noqa: ARG001 (as every service)
    review = _locked(pk)
    if review is None or review.is_closed or review.reminded in {stage, OVERDUE}:
        return
    Review.objects.filter(pk=pk).update(reminded=stage)
    if stage == SOON or review.if_unanswered == IfUnanswered.KEEP:
        mails.mail_reviewers(SYSTEM, review, mails.OVERDUE if stage == OVERDUE else mails.DUE)


def _close_overdue() -> None:
    """Those whose unanswered items have a consequence: it comes with the end of the last day."""
    overdue = Review.objects.overdue().exclude(if_unanswered=IfUnanswered.KEEP)
    for pk in overdue.values_list("pk", flat=True):
        if review := _close_once(actor=SYSTEM, pk=pk):
            carry_out_unanswered(review)


@service
def _close_once(*, actor: object, pk: int) -> Review | None:  # noqa: ARG001
    review = _locked(pk)
    if review is None or not review.is_overdue:
        return None
    return mark_closed(SYSTEM, review)


def _open_next_rounds() -> None:
    for pk in Review.objects.due_for_next_round().values_list("pk", flat=True):
        try:
            closed = _open_round(actor=SYSTEM, pk=pk)
        except Conflict as refusal:
            closed = _skip_round(actor=SYSTEM, pk=pk, why=refusal.message)
        if closed:
            carry_out_unanswered(closed)


@service
def _open_round(*, actor: object, pk: int) -> Review | None:  # noqa: ARG001
    """Open the round that is due, and close the one before it if it is still open: returned then."""
    last = _locked(pk)
    if last is None or last.next_opens_on is None or last.every_months is None or last.next_opens_on > today():
        return None
    length = last.due - timezone.localdate(last.opened_at)
    review = Review(
        series=last.series,
        name=last.name,
        scope_kind=last.scope_kind,
        reviewer_role=last.reviewer_role,
        due=today() + max(length, timedelta()),
        every_months=last.every_months,
        if_unanswered=last.if_unanswered,
        first_opened_on=last.first_opened_on,
        next_opens_on=next_round(last.first_opened_on, last.every_months, today()),
        opened_by_id=last.opened_by_id,
    )
    closed = None if last.is_closed else mark_closed(SYSTEM, last)
    Review.objects.filter(pk=pk).update(next_opens_on=None)
    opening_services.start(SYSTEM, review, last.roles.all(), last.reviewers.all())
    return closed


@service
def _skip_round(*, actor: object, pk: int, why: str) -> None:  # noqa: ARG001
    """Nothing is left to review: the next round is tried on its own day, and the log says why there was none."""
    last = _locked(pk)
    if last and last.next_opens_on and last.every_months and last.next_opens_on <= today():
        following = next_round(last.first_opened_on, last.every_months, today())
        Review.objects.filter(pk=pk).update(next_opens_on=following)
        opening_services.record_failed_round(last, why)


def _finish_interrupted() -> None:
    for pk in ReviewItem.objects.long_due().values_list("review", flat=True).distinct():
        carry_out_unanswered(Review.objects.get(pk=pk))


def _locked(pk: int) -> Review | None:
    return Review.objects.select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
