"""`manage.py create_demo_data`: believable, sealed, the same for the same seed."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Max
from django.utils import timezone

from accounts.models import Session, User
from accounts.services.defaults import load_default_data
from audit.models import AuditLog
from audit.verification import Verification
from reprotech.demo import loading
from reprotech.demo.history import History
from reprotech.demo.people import People
from reprotech.demo.rhythm import DAYS, days, is_quiet

UNTIL = datetime(2026, 3, 13, 16, 30, tzinfo=UTC)  # a Friday
USERS, EVENTS = 700, 4_000


@pytest.fixture
def installation(transactional_db):
    """As after `init_data`, without the cast of the other tests."""
    call_command("flush", interactive=False, verbosity=0)
    load_default_data()


def create(users=USERS, events=EVENTS, **options):
    call_command("create_demo_data", users=users, audit_events=events, **options)


def test_it_is_sealed_and_as_much_as_was_asked_for(installation, capsys):
    before = AuditLog.objects.count()
    create(until=UNTIL)
    assert "700 users and 4,000 events in" in capsys.readouterr().out
    assert User.objects.count() == 1 + USERS
    assert AuditLog.objects.count() == before + EVENTS + 1
    verification = Verification()
    assert list(verification.findings()) == []
    assert verification.count == before + EVENTS + 1
    told = AuditLog.objects.newest_first().first()
    assert (told.username, told.resource, told.details) == (
        "system",
        "demo_data",
        {"users": USERS, "events": EVENTS, "seed": 1},
    )


def test_events_and_accounts_tell_the_same(installation):
    create(until=UNTIL)
    events = AuditLog.objects.filter(timestamp__lte=UNTIL, user_id__gt=1)
    last = dict(events.filter(action="login", success=True).values_list("user_id").annotate(Max("timestamp")))
    people = User.objects.exclude(username="admin")
    assert {user.pk: user.last_login for user in people if user.last_login} == last
    assert all(user.can_sign_in for user in people if user.last_login)
    created = dict(AuditLog.objects.filter(action="create", resource="user").values_list("resource_id", "timestamp"))
    assert {str(user.pk): user.created_at for user in people}.items() <= created.items()
    roles = Counter(name for user in people.prefetch_related("roles") for name in [*user.roles.all()])
    assert {role.slug for role in roles} == {
        "admin", "manager", "researcher", "veterinarian", "lab_technician", "viewer",
    }  # fmt: skip
    times = events.order_by("id").values_list("timestamp", flat=True)
    assert list(times) == sorted(times)


def test_sessions_of_today_are_open(installation, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: UNTIL)  # on a real Saturday nobody may be there
    create(users=50, events=60_000 // 50)
    assert Session.objects.alive().count() > 0
    assert set(Session.objects.values_list("user_id", flat=True)) <= set(User.objects.values_list("pk", flat=True))


def test_the_next_user_and_event_get_ids_of_their_own(installation):
    create(users=30, events=100)
    assert User.objects.create(username="next", email="next@lab.example").pk > 31
    load_default_data()
    call_command("seal_audit")
    assert list(Verification().findings()) == []


def test_nothing_is_added_where_people_are(installation):
    create(users=10, events=0)
    count = AuditLog.objects.count()
    with pytest.raises(CommandError, match="There are users here already"):
        create()
    assert (User.objects.count(), AuditLog.objects.count()) == (11, count)


def test_events_without_people_are_refused(installation):
    with pytest.raises(CommandError, match="give --users a number above 0"):
        create(users=0)


@pytest.mark.only_on("postgresql")
def test_processes_share_the_work_and_make_the_same(installation, monkeypatch):
    monkeypatch.setattr(loading, "FEW_EVENTS", 10)
    create(users=100, events=3_000, until=UNTIL)
    assert list(Verification().findings()) == []
    expected = list(pasts(100, 3_000))
    stored = AuditLog.objects.filter(timestamp__lte=UNTIL).order_by("id").values_list("timestamp", "username", "action")
    assert list(stored) == [(event.timestamp, event.username, event.action) for event in expected]


def pasts(users, events, seed=1):
    """Every event, without a database."""
    history = History(People(users, seed), 2, seed, UNTIL)
    return [event for day in days(users, events, UNTIL) for event in history.past(day).events]


def test_the_same_seed_gives_the_same_and_another_something_else():
    assert pasts(100, 2_000) == pasts(100, 2_000) != pasts(100, 2_000, seed=2)


@pytest.mark.parametrize(("users", "events"), [(0, 0), (1, 0), (1, 1), (1, 50), (3_000, 10), (3_000, 90_000)])
def test_numbers_add_up(users, events):
    calendar = days(users, events, UNTIL)
    assert len(calendar) == DAYS + 1
    assert sum(day.new for day in calendar) == calendar[-1].people == users
    assert sum(day.told + day.events for day in calendar) == events
    assert all(0 <= day.told <= day.new for day in calendar)
    assert all(day.events >= 0 for day in calendar)


def test_a_laboratory_grows_and_rests():
    calendar = days(10_000, 500_000, UNTIL)
    year = calendar[-366:-1]
    busy, quiet = ([day.events for day in year if is_quiet(day.date) is rest] for rest in (False, True))
    assert sum(quiet) / len(quiet) < 0.3 * sum(busy) / len(busy)
    assert calendar[365].people < calendar[730].people < calendar[-1].people
    assert sum(day.new for day in calendar if is_quiet(day.date)) < 0.05 * 10_000


def test_nothing_happens_after_the_end_or_twice():
    events = pasts(200, 6_000)
    assert max(event.timestamp for event in events) <= UNTIL
    assert UNTIL - max(event.timestamp for event in events) < timedelta(days=2)
    ended = Counter(event.session_id for event in events if event.action == "logout")
    assert max(ended.values()) == 1
    begun = {event.session_id for event in events if event.action == "login" and event.success}
    assert set(ended) <= begun


def test_people_differ():
    people = People(20_000, 7)
    assert len({people[number].username for number in range(people.count)}) == people.count
    assert len({people[number].last_name for number in range(people.count)}) > 100
