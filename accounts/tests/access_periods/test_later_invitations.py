"""Who begins later is invited the day before, and can choose a password then, but sign in from the beginning only."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.invitations import send_due_invitations
from accounts.models import User
from accounts.users.allowed_actions import allowed_actions
from accounts.users.invitations.services import make_invitation_link, resend_invitation
from accounts.users.services import create_user, lock_user, update_user
from reprotech.core.exceptions import Conflict
from reprotech.testing.client import Caller

pytestmark = pytest.mark.django_db(transaction=True)

DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
NEW_PASSWORD = "Other-Horse-8"


@pytest.fixture
def clock(monkeypatch):
    """Sets the time of this process."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


def create(starts_at, name="later"):
    return create_user(actor=SYSTEM, username=name, email=f"{name}@lab.example", starts_at=starts_at)


def invited():
    """Whom the mails went to; they are gone afterwards."""
    found = [letter.to[0].partition("@")[0] for letter in mail.outbox]
    mail.outbox.clear()
    return found


def test_the_invitation_leaves_the_day_before_and_opens_the_account_at_its_beginning(cast, clock):
    start = timezone.now() + 9 * DAY
    user = create(start)
    clock(start - DAY - MICROSECOND)
    assert (send_due_invitations(), invited()) == (0, [])
    clock(start - DAY)
    assert (send_due_invitations(), send_due_invitations()) == (1, 0)
    [letter] = mail.outbox
    assert "You can sign in from" in letter.body
    link = next(line for line in letter.body.splitlines() if line.startswith("http"))
    browser = Client()
    form = browser.get(f"/{link.split('/', 3)[3]}", follow=True).redirect_chain[-1][0]
    answer = browser.post(form, {"new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}, follow=True)
    assert "You can sign in with it from" in answer.content.decode()
    credentials = {"username": "later", "password": NEW_PASSWORD}
    assert Client().post("/api/auth/login", credentials, "application/json").status_code == 401
    clock(start)
    record_boundaries()
    assert len(mail.outbox) == 1
    assert Client().post("/api/auth/login", credentials, "application/json").status_code == 200
    assert User.objects.get(pk=user.pk).status == "active"


def test_it_leaves_at_once_where_the_account_begins_within_a_day(cast, clock):
    now = timezone.now()
    create(now + DAY / 2, "soon")
    assert (invited(), send_due_invitations()) == (["soon"], 0)
    moved = [create(now + 9 * DAY, name) for name in ("nearer", "now")]
    for user, start in zip(moved, (now + DAY / 2, None), strict=True):
        update_user(actor=SYSTEM, user_id=user.pk, starts_at=start)
    assert (invited(), send_due_invitations()) == (["nearer", "now"], 0)


def test_it_leaves_at_the_beginning_if_no_server_ran_before(cast, clock):
    start = timezone.now() + 9 * DAY
    create(start)
    clock(start + DAY)
    record_boundaries()
    assert (invited(), send_due_invitations()) == (["later"], 0)


def test_sending_it_earlier_is_refused_with_the_reason(cast, clock):
    start = timezone.now() + 9 * DAY
    user = create(start)
    for send in (resend_invitation, make_invitation_link):
        with pytest.raises(Conflict) as refused:
            send(actor=SYSTEM, user_id=user.pk)
        assert "leaves by itself the day before" in refused.value.message
    answer = Caller(cast.admin).post(f"/api/users/{user.pk}/invitation")
    assert (answer.status_code, "The account begins on" in answer.content.decode()) == (409, True)
    assert not allowed_actions(cast.admin, user) & {"resend_invitation", "copy_invitation"}
    clock(start - DAY / 2)
    send_due_invitations()
    assert "resend_invitation" in allowed_actions(cast.admin, User.objects.get(pk=user.pk))
    resend_invitation(actor=SYSTEM, user_id=user.pk)
    assert invited() == ["later", "later"]


def test_who_is_locked_meanwhile_is_not_invited_and_a_link_opens_nothing(cast, clock):
    start = timezone.now() + 9 * DAY
    user = create(start)
    lock_user(actor=SYSTEM, user_id=user.pk)
    clock(start - DAY)
    assert (send_due_invitations(), invited()) == (0, [])
    assert not User.objects.get(pk=user.pk).may_choose_password
