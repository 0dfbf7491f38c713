"""What time does to reviews: mails, the end of the last day, next rounds; each once."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.models import OutgoingMail, User
from accounts.roles.services import create_role
from accounts.users.services import lock_user, update_user
from audit.models import AuditLog
from reprotech.core.exceptions import Forbidden
from reprotech.testing.cast import at_once, audit_rows, make_user
from reviews.housekeeping import maintain_reviews
from reviews.models import Review
from reviews.models.days import months_after, next_round, today
from reviews.opening.services import update_review
from reviews.tests.support.campaigns import item_about, make_review

pytestmark = pytest.mark.django_db


def age(review, days):
    """As if it had been opened so many days ago."""
    review.refresh_from_db()
    Review.objects.filter(pk=review.pk).update(
        opened_at=review.opened_at - timedelta(days=days),
        due=review.due - timedelta(days=days),
        first_opened_on=review.first_opened_on - timedelta(days=days),
        next_opens_on=review.next_opens_on and review.next_opens_on - timedelta(days=days),
    )


def mails():
    """Those that wait, by kind."""
    found = OutgoingMail.objects.order_by("letter", "user")
    return [(mail.letter, mail.user.username) for mail in found.select_related("user")]


@pytest.fixture(autouse=True)
def no_sending(monkeypatch):
    monkeypatch.setattr("accounts.notifications.outbox._wake", lambda: None)


def test_reviewers_get_a_mail_at_the_beginning_before_the_end_and_once_it_is_over(cast):
    review = make_review(cast)
    both = ["the-admin", "the-manager"]
    assert sorted(mails()) == [("review_opened", name) for name in both]
    OutgoingMail.objects.all().delete()
    maintain_reviews()
    assert mails() == []
    for days, letter in ((12, "review_due"), (4, "review_overdue")):
        age(review, days)
        maintain_reviews()
        maintain_reviews()
        assert sorted(mails()) == [(letter, name) for name in both]
        OutgoingMail.objects.all().delete()
    assert not Review.objects.get().is_closed  # it stays open until someone closes it


def test_a_reviewer_who_left_gets_no_mail(cast):
    review = make_review(cast)
    OutgoingMail.objects.all().delete()
    lock_user(actor=cast.super_admin, user_id=cast.manager.pk)
    age(review, 20)
    maintain_reviews()
    assert mails() == [("review_overdue", "the-admin")]


def test_when_the_last_day_is_over_unanswered_lines_are_removed_once(cast):
    review = make_review(cast, roles=["Viewer"], if_unanswered="remove")
    age(review, 14)
    maintain_reviews()
    assert not Review.objects.get().is_closed  # the last day isn't over
    age(review, 1)
    with audit_rows() as rows:
        maintain_reviews()
        maintain_reviews()
    assert [(row.action, row.username) for row in rows if "mail" not in row.details] == [
        ("review_close", "system"),
        ("role_revoke", "the-super_admin"),  # with the rights of who opened it
        ("review_decide", "the-super_admin"),
    ]
    item = item_about(review, cast.viewer, "Viewer")
    assert (item.is_unanswered, item.outcome, item.done_by) == (True, "done", cast.super_admin)
    assert User.objects.get(pk=cast.viewer.pk).grants.role_names == ()


def test_nobody_has_unanswered_lines_acted_on_with_rights_that_they_lack(cast):
    role = create_role(actor=cast.super_admin, name="Reviews", permissions=["role_update", "user_read"])
    editor = make_user("editor", role.name)
    review = make_review(cast, roles=["Viewer"], reviewers=["the-manager"], if_unanswered="lock")
    for change in ({"due": today()}, {"reviewers": ["editor"]}, {"every_months": 1}):
        with pytest.raises(Forbidden):
            update_review(actor=editor, review_id=review.pk, **change)
    harmless = make_review(cast, roles=["Viewer"], reviewers=["the-manager"])
    for actor, mine in ((editor, harmless), (cast.super_admin, review)):
        assert update_review(actor=actor, review_id=mine.pk, due=today()).due == today()


def test_unanswered_lines_wait_where_who_opened_it_has_left(cast):
    review = make_review(cast, actor=cast.admin, roles=["Viewer"], reviewers=["the-manager"], if_unanswered="lock")
    update_user(actor=cast.super_admin, user_id=cast.admin.pk, is_active=False)
    age(review, 15)
    maintain_reviews()
    item = item_about(review, cast.viewer, "Viewer")
    assert (item.outcome, item.outcome_note) == ("pending", "Who set this up can't sign in any more.")
    assert not User.objects.get(pk=cast.viewer.pk).is_locked


def test_what_an_ended_process_left_is_finished(cast):
    review = make_review(cast, roles=["Viewer"], if_unanswered="remove")
    review.items.filter(user=cast.viewer).update(
        is_unanswered=True, action="remove", outcome="due", updated_at=timezone.now() - timedelta(minutes=5)
    )
    Review.objects.filter(pk=review.pk).update(closed_at=timezone.now(), closed_by=cast.super_admin)
    maintain_reviews()
    assert item_about(review, cast.viewer, "Viewer").outcome == "done"


def test_the_next_round_opens_on_its_day_once_and_closes_the_one_before(cast):
    review = make_review(cast, every_months=1)
    days = (review.next_opens_on - today()).days
    age(review, days - 1)
    maintain_reviews()
    assert Review.objects.count() == 1
    age(review, 1)
    maintain_reviews()
    maintain_reviews()
    new, old = Review.objects.all()
    assert (old.is_closed, old.next_opens_on, new.series) == (True, None, review.series)
    assert new.items.count() == old.items.count()
    assert set(new.reviewers.all()) == {cast.manager, cast.admin}
    assert (new.due - today()).days == 14
    assert new.next_opens_on > today()
    assert AuditLog.objects.filter(action="review_open").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_processes_open_one_round(cast):
    review = make_review(cast, every_months=1, roles=["Viewer"])
    age(review, 40)
    assert not [error for error in at_once(maintain_reviews, maintain_reviews) if error]
    assert Review.objects.count() == 2


def test_missed_rounds_are_passed_over_and_an_empty_one_is_on_record(cast):
    review = make_review(cast, every_months=1, roles=["Viewer"])
    review.roles.clear()
    age(review, 200)
    maintain_reviews()
    last = Review.objects.get()
    assert last.next_opens_on > today()
    refused = AuditLog.objects.get(action="review_open", success=False)
    assert refused.details["reason"].startswith("There is nothing to review")


def test_months_end_where_they_end():
    assert months_after(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_after(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert next_round(date(2026, 1, 31), 1, date(2026, 3, 1)) == date(2026, 3, 31)
