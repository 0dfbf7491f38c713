"""Mails that access ends soon: 14 and two days before, once each, to the person and to who set the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.end_notices import send_end_notices
from accounts.access_periods.services import change_grant, grant_role
from accounts.core.period_notices import described_end, described_start
from accounts.models import OutgoingMail, RoleGrant, User
from accounts.notifications.messages import render
from accounts.users.services import create_user, lock_user, update_user
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.client import page_client

pytestmark = pytest.mark.django_db

DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
PERSON, OTHER = "access_ends", "access_ends_of_other"


@pytest.fixture
def clock(monkeypatch):
    """Sets the time of this process."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture
def end():
    return timezone.now() + 30 * DAY


def queued():
    """The letters and whom they go to; they are gone afterwards."""
    mails = list(OutgoingMail.objects.order_by("id").values_list("letter", "user__username"))
    OutgoingMail.objects.all().delete()
    return mails


def test_a_role_that_ends_is_announced_twice_to_both(cast, clock, end, settings):
    settings.PUBLIC_URL = "https://access.lab.example"
    grant = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    clock(end - 14 * DAY - MICROSECOND)
    assert (send_end_notices(), queued()) == (0, [])
    both = [(PERSON, "the-viewer"), (OTHER, "the-admin")]
    for days in (14, 2):
        clock(end - days * DAY)
        assert (send_end_notices(), send_end_notices()) == (1, 0)
        texts = [render(mail).body for mail in OutgoingMail.objects.select_related("user").order_by("id")]
        assert "“Manager” ends" in texts[0]
        assert "ask the-admin." in texts[0]
        assert "https://" not in texts[0]  # they can't extend it themselves
        assert f"https://access.lab.example/users/{cast.viewer.pk}/grants/{grant.pk}\n" in f"{texts[1]}\n"
        assert queued() == both
        events = AuditLog.objects.newest_first()[:2]
        assert [event.details["owner_id"] for event in events] == [cast.admin.pk, cast.viewer.pk]
        announced = "system announced the end of the role Manager of the-viewer"
        assert [sentence(event) for event in events] == [announced] * 2
    clock(end)
    assert (send_end_notices(), queued()) == (0, [])


def test_an_account_that_ends_is_announced_to_who_set_that_end(cast, clock, end):
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, ends_at=end)
    new = create_user(actor=cast.admin, username="guest", email="guest@lab.example", ends_at=end)
    clock(end - 14 * DAY)
    queued()
    assert send_end_notices() == 2
    pages = [mail.context["page"] for mail in OutgoingMail.objects.filter(letter=OTHER).order_by("id")]
    assert [page.partition("/users/")[2] for page in pages] == [f"{cast.viewer.pk}/edit", f"{new.pk}/edit"]
    assert queued() == [
        *[(PERSON, "the-viewer"), (OTHER, "the-super_admin")],
        *[(PERSON, "guest"), (OTHER, "the-admin")],
    ]
    clock(end)
    record_boundaries()
    assert User.objects.get(pk=new.pk).end_notice_at is None


def test_the_pages_of_the_links_open_for_who_set_the_end(cast, end):
    grant = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    browser = page_client(cast.admin)
    for page in (f"/users/{cast.viewer.pk}/grants/{grant.pk}", f"/users/{cast.viewer.pk}/edit"):
        assert browser.get(page).status_code == 200


def test_after_a_time_without_a_server_only_the_nearest_mail_leaves(cast, clock, end):
    grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    clock(end - DAY)
    assert (send_end_notices(), send_end_notices(), len(queued())) == (1, 0, 2)
    grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="researcher", ends_at=end + 30 * DAY)
    clock(end + 31 * DAY)  # it has ended meanwhile
    assert (send_end_notices(), queued()) == (0, [])


def test_an_end_that_is_moved_is_announced_by_its_new_date(cast, clock, end):
    grant = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    update_user(actor=cast.admin, user_id=cast.viewer.pk, ends_at=end + DAY)
    clock(end - 13 * DAY)
    assert (send_end_notices(), len(queued())) == (2, 4)
    later = end + 60 * DAY
    change_grant(actor=cast.super_admin, user_id=cast.viewer.pk, grant_id=grant.pk, ends_at=later)
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, ends_at=None)
    clock(end)
    assert (send_end_notices(), queued()) == (0, [])
    clock(later - 14 * DAY)
    # To who moved it.
    assert (send_end_notices(), queued()) == (1, [(PERSON, "the-viewer"), (OTHER, "the-super_admin")])


@pytest.mark.parametrize(("days", "announced_at"), [(1, []), (2, []), (3, [2]), (14, [2]), (15, [14, 2])])
def test_an_end_that_is_nearer_when_it_is_set_needs_no_mail(cast, clock, days, announced_at):
    now = timezone.now()
    clock(now)
    end = now + days * DAY
    grant = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    found = []
    while notice := RoleGrant.objects.get(pk=grant.pk).end_notice_at:
        found.append((end - notice).days)
        clock(notice)
        send_end_notices()
    assert found == announced_at


def test_no_mail_before_the_access_begins_and_none_to_who_cannot_sign_in(cast, clock, end):
    start = end - 7 * DAY
    grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", starts_at=start, ends_at=end)
    clock(start - MICROSECOND)
    assert send_end_notices() == 0
    lock_user(actor=SYSTEM, user_id=cast.admin.pk)
    clock(end - 2 * DAY)
    assert send_end_notices() == 1
    [mail] = OutgoingMail.objects.filter(letter=PERSON)
    assert "ask your administrator." in render(mail).body
    assert queued() == [(PERSON, "the-viewer")]


def test_an_end_on_the_first_day_of_the_calendar_is_refused_with_a_sentence(cast):
    end = datetime(1, 1, 1, tzinfo=UTC)
    with pytest.raises(ValidationFailed):
        grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=end)
    with pytest.raises(ValidationFailed):
        update_user(actor=cast.admin, user_id=cast.viewer.pk, ends_at=end)


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_once(cast, clock, end):
    people = [cast.viewer, cast.manager, cast.stranger]
    for person in people:
        grant_role(actor=cast.admin, user_id=person.pk, role="researcher", ends_at=end)
    clock(end - 14 * DAY)
    barrier = Barrier(2)

    def work():
        barrier.wait()
        try:
            return send_end_notices()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(2)]]
    assert sum(counts) + send_end_notices() == len(people)
    assert AuditLog.objects.filter(details__has_key="mail").count() == 2 * len(people)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", "2 December 2026", "at the end of 1 December 2026"),
        (
            "Europe/Berlin",
            "2 December 2026, 01:00 (Europe/Berlin)",
            "on 2 December 2026, 01:00 (Europe/Berlin)",
        ),
    ],
)
def test_mails_name_days_of_the_laboratory(settings, zone, start, end):
    settings.LAB_TIME_ZONE = zone
    moment = datetime(2026, 12, 2, tzinfo=UTC)
    assert (described_start(moment), described_end(moment)) == (start, end)
