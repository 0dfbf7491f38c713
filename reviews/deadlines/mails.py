"""Mails to reviewers: when a review opens, before its last day, and once it is overdue."""

from collections.abc import Iterable

from django.conf import settings

from accounts.models import User
from accounts.notifications.services import send_notice
from audit.models import Action
from audit.services import build_event, record_events
from reprotech.core.actors import Actor
from reviews.models import Review

OPENED, DUE, OVERDUE = "review_opened", "review_due", "review_overdue"
#: More people are no reviewers that each have to be reminded.
MAX_MAILS = 50


def mail_reviewers(actor: Actor, review: Review, letter: str) -> None:
    """Mail those who can decide, on record, within the caller's transaction."""
    people = list(people_to_mail(review))
    for person in people:
        page = f"{settings.PUBLIC_URL}/reviews/{review.pk}"
        send_notice(person, letter, review=review.name, page=page, due=f"{review.due:%-d %B %Y}")
    record_events(
        build_event(
            actor=actor,
            action=Action.UPDATE,
            resource="review",
            resource_id=review.pk,
            resource_name=review.name,
            owner_id=person.pk,
            mail=letter,
        )
        for person in people
    )


def people_to_mail(review: Review) -> Iterable[User]:
    """The reviewers who can sign in; of a role the first ones."""
    named = set(review.reviewers.values_list("pk", flat=True))
    if review.reviewer_role_id:
        held = User.objects.active().people().in_role(review.reviewer_role_id).order_by("id")
        named.update(held.values_list("pk", flat=True)[:MAX_MAILS])
    people: Iterable[User] = User.objects.active().people().filter(pk__in=named).order_by("id")
    return people
