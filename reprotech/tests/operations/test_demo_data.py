"""`manage.py create_demo_data`: believable, sealed, the same for the same seed."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyotp
import pytest
from django.core.management import CommandError, call_command
from django.db.models import Max
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.authentication import login
from accounts.core.catalogue import ROLES
from accounts.core.exceptions import InvalidCredentials, SecondFactorRequired
from accounts.mfa import services as mfa_services
from accounts.mfa import totp
from accounts.mfa.verification import totp_or_recovery_code
from accounts.models import Session, TotpKey, User
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.sessions import refresh
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from accounts.users.csv.export import start_export
from accounts.users.default_data import load_default_data
from audit.models import AuditLog, CapturedChange
from audit.verification.verifier import Verification
from reprotech.core.exceptions import Forbidden
from reprotech.demo.calendar import MAX_DAYS, activity_level, days
from reprotech.demo.history import History
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.tests.support.replay import Replay

UNTIL = datetime(2026, 3, 13, 16, 30, tzinfo=UTC)  # a Friday
USERS, EVENTS = 70, 400


@pytest.fixture
def installation(transactional_db):
    """As after `init_data`, without the cast of the other tests."""
    call_command("flush", interactive=False, verbosity=0)
    CapturedChange.objects.all().delete()  # of the flush itself, on SQLite
    load_default_data()


def create(users=USERS, events=EVENTS, **options):
    call_command("create_demo_data", users=users, audit_events=events, **options)


def test_it_is_sealed_and_as_much_as_was_asked_for(installation, capsys):
    before = AuditLog.objects.count()
    create(until=UNTIL)
    assert "70 users and 400 events in" in capsys.readouterr().out
    assert User.objects.count() == 1 + USERS
    everything = before + len(ROLES) + EVENTS + 1
    assert AuditLog.objects.count() == everything
    verification = Verification()
    assert list(verification.findings()) == []
    assert verification.count == everything
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
    created = dict(AuditLog.objects.filter(action="create", resource="user").values_list("resource_id", "timestamp"))
    assert {str(user.pk): user.created_at for user in people}.items() <= created.items()
    roles = Counter(name for user in people.with_role_names() for name in [*user.roles.all()])
    assert {role.slug for role in roles} == {
        "admin", "manager", "researcher", "veterinarian", "lab_technician", "viewer",
    }  # fmt: skip
    times = events.order_by("id").values_list("timestamp", flat=True)
    assert list(times) == sorted(times)


def test_some_people_have_an_authenticator_app_and_an_event_of_it(installation):
    create(users=100, events=1_500, until=UNTIL)
    people = User.objects.exclude(username="admin")
    with_app = people.filter(factor_kinds="totp")
    assert 10 < with_app.count() < 90
    assert set(TotpKey.objects.values_list("user", flat=True)) == set(with_app.values_list("pk", flat=True))
    events = AuditLog.objects.filter(action="factor_add").values_list("user_id", "resource_id", "timestamp")
    apps = TotpKey.objects.values_list("user_id", "pk", "created_at")
    assert set(events) == {(user, str(pk), added) for user, pk, added in apps}
    app = TotpKey.objects.first()
    assert len(totp.decrypt_secret(app.sealed_key, app.user_id)) == 32
    assert TotpKey.objects.create(user=User.objects.get(username="admin"), sealed_key="x").pk > app.pk


def replayed(*, after=0):
    return Replay().run(AuditLog.objects.filter(pk__gt=after).order_by("timestamp", "id").iterator())


@pytest.mark.parametrize(("users", "events"), [(60, 3_000), (60, 130), (1, 50)])
def test_the_events_tell_how_every_account_came_to_be_as_it_is(installation, users, events):
    create(users=users, events=events, until=UNTIL)
    replay = replayed()
    assert replay.contradictions == []
    assert replay.roles == replay.roles_now()
    accounts = replay.accounts_now()
    assert replay.accounts == accounts
    first_user = AuditLog.objects.filter(resource="user", timestamp__lte=UNTIL).order_by("timestamp").first()
    begun = AuditLog.objects.filter(resource="role", timestamp__lte=first_user.timestamp)
    assert {event.resource_name for event in begun} == set(replay.roles)


ADA, BEA = {"resource_id": "2", "resource_name": "ada"}, {"resource_id": "3", "resource_name": "bea"}
BY_BEA = {"user_id": 3, "username": "bea", "session_id": "s"}
STORY = [
    ("create", "role", {"resource_name": "Viewer"}, {"changes": {"permissions": [[], ["animal_read"]]}}),
    ("create", "user", ADA, {"changes": {"username": [None, "ada"], "is_active": [None, True], "roles": [[], []]}}),
    ("create", "user", BEA, {"changes": {"username": [None, "bea"], "is_active": [None, True], "roles": [[], []]}}),
    ("login", "auth", BY_BEA, {}),
]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (("update", "user", ADA, {"changes": {"email": ["a@lab.example", "b@lab.example"]}}), "email was ''"),
        (("unlock", "user", ADA, {"changes": {"locked": [True, False]}}), "locked was False"),
        (
            ("role_assign", "user", ADA, {"changes": {"roles": [[], ["King"]]}, "roles": ["King"]}),
            "{'King'} don't exist",
        ),
        (("role_assign", "user", ADA, {"changes": {"roles": [["Viewer"], []]}, "roles": []}), "roles was []"),
        (("unlock", "user", BEA | BY_BEA, {"changes": {"locked": [False, False]}}), "user_update isn't held"),
        (("unlock", "user", BEA | BY_BEA, {"changes": {"locked": [False, False]}}), "the account is their own"),
        (("password_reset", "user", ADA, {"sent_to": "x@lab.example"}), "the address is another one"),
        (("update", "user", ADA | BY_BEA | {"session_id": "t"}, {}), "the session isn't open"),
        (("login", "auth", {"user_id": 9, "username": "zoe", "session_id": "u"}, {}), "nobody can sign in"),
    ],
)
def test_a_replay_notices_what_contradicts_itself(told, sentence):
    assert Replay().run(map(as_event, STORY)).contradictions == []
    found = Replay().run(map(as_event, [*STORY, told])).contradictions
    assert sentence in " ".join(found)


def as_event(told):
    action, resource, given, details = told
    columns = {"pk": 1, "user_id": None, "username": "system", "session_id": None, "success": True}
    columns |= {"action": action, "resource": resource, "resource_id": "", "resource_name": "", "details": details}
    return SimpleNamespace(**{**columns, **given})


def shape(event):
    """What kind of event it is, and the names of its details."""
    changes = event.details.get("changes", {})
    about = "" if event.action == "create" else "+".join(sorted(changes))
    about += "with a factor" if "factor" in event.details else ""
    return (event.action, event.resource, event.success, about), (frozenset(event.details), frozenset(changes))


def test_events_look_as_the_product_writes_them(installation):
    create(users=60, events=1_000, until=UNTIL)
    told = dict(map(shape, AuditLog.objects.filter(timestamp__lte=UNTIL)))
    before = AuditLog.objects.latest("id").pk
    boss, clerk = User.objects.get(username="admin"), make_user("clerk", "viewer")
    role_services.create_role(actor=SYSTEM, name="Cook")
    user_services.create_user(
        actor=boss, username="cook", email="cook@lab.example", password=PASSWORD, roles=["Viewer"]
    )
    session = login.sign_in_to_pages(identifier="clerk", password=PASSWORD)
    for password in ("wrong", PASSWORD):
        with suppress(InvalidCredentials):
            refresh.refresh_session(
                refresh_token=login.sign_in_with_tokens(identifier="clerk", password=password).pair.refresh_token
            )
    key = totp.generate_secret()
    code = pyotp.TOTP(key).now()
    mfa_services.add_authenticator_app(actor=clerk, session_id=session.pk, key=key, code=code)
    with pytest.raises(SecondFactorRequired) as required:
        login.sign_in_to_pages(identifier="clerk", password=PASSWORD)
    next_code = pyotp.TOTP(key).at(timezone.now() + timedelta(seconds=30))  # the one of now is used
    verifier = totp_or_recovery_code(next_code)
    new = login.new_page_session(remember=False)
    login.finish_sign_in(mfa_token=required.value.mfa_token, verifier=verifier, session=new)
    mfa_services.remove_authenticator_app(actor=clerk, session_id=session.pk)
    session_services.sign_out(session=session)
    idle = login.sign_in_to_pages(identifier="clerk", password=PASSWORD)
    Session.objects.filter(pk=idle.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    session_services.end_expired_sessions()
    password_services.change_password(actor=clerk, current_password=PASSWORD, new_password="Another-Horse-8")
    password_services.send_password_reset(actor=boss, user_id=clerk.pk)
    user_services.update_user(actor=boss, user_id=clerk.pk, email="new@lab.example")
    user_services.update_user(actor=boss, user_id=clerk.pk, roles=["Researcher"])
    user_services.unlock_user(actor=boss, user_id=clerk.pk)
    list(start_export(actor=boss, users=User.objects.all(), filters={}))
    with suppress(Forbidden):
        user_services.delete_user(actor=clerk, user_id=boss.pk)
    user_services.lock_user(actor=boss, user_id=clerk.pk)
    user_services.update_user(actor=boss, user_id=clerk.pk, is_active=False)
    real = dict(map(shape, AuditLog.objects.filter(pk__gt=before)))
    assert told.keys() <= real.keys()
    assert told == {kind: real[kind] for kind in told}


def test_sessions_of_today_are_open(installation, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: UNTIL)  # on a real Saturday nobody may be there
    create(users=30, events=300)
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


def simulated(users, events, seed=1):
    """Every event and the accounts in the end, without a database."""
    history = History(2, seed)
    return list(history.events(users, events, UNTIL)), history.accounts


def test_the_same_seed_gives_the_same_and_another_something_else():
    first, again, other = (simulated(100, 2_000, seed=seed)[0] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("users", "events"), [(0, 0), (1, 0), (1, 1), (1, 50), (3_000, 10), (300, 9_000)])
def test_numbers_add_up(users, events):
    calendar = days(users, events, UNTIL)
    assert len(calendar) <= MAX_DAYS + 1
    assert sum(day.new for day in calendar) == users
    assert sum(day.events for day in calendar) == events
    assert all(day.events >= 0 and day.new >= 0 for day in calendar)
    made, accounts = simulated(users, events)
    assert (len(made), len(accounts)) == (events, users)
    created = [event for event in made if event.action == "create"]
    assert len(created) == min(users, events // 2)


def test_a_laboratory_grows_and_rests():
    calendar = days(10_000, 500_000, UNTIL)
    year = calendar[-366:-1]
    busy, quiet = ([day.events for day in year if (activity_level(day.date) < 0.5) is rest] for rest in (False, True))
    assert sum(quiet) / len(quiet) < 0.3 * sum(busy) / len(busy)
    assert all(sum(day.new for day in part) > 2_000 for part in (calendar[:365], calendar[365:730], calendar[730:]))
    assert sum(day.new for day in calendar if activity_level(day.date) < 0.5) < 0.05 * 10_000


def test_at_midnight_the_last_day_is_empty():
    midnight = datetime(2026, 3, 13, tzinfo=UTC)
    events = list(History(2, 1).events(60, 700, midnight))
    assert len(events) == 700
    assert max(event.timestamp for event in events) <= midnight


def test_nothing_happens_after_the_end_or_twice():
    events, _ = simulated(200, 6_000)
    assert max(event.timestamp for event in events) <= UNTIL
    assert UNTIL - max(event.timestamp for event in events) < timedelta(days=2)
    ended = Counter(event.session_id for event in events if event.action == "logout")
    assert max(ended.values()) == 1
    begun = {event.session_id for event in events if event.action == "login" and event.success}
    assert set(ended) <= begun


def test_people_differ():
    _, accounts = simulated(2_000, 0)
    assert len({account.username for account in accounts}) == len(accounts)
    assert len({account.last_name for account in accounts}) > 100


def test_a_short_history_has_everything():
    events, _ = simulated(60, 700)
    assert {event.action for event in events} >= {
        "login", "logout", "session_end", "token_refresh", "access_denied", "password_change", "password_reset",
        "create", "update", "lock", "role_assign", "export",
    }  # fmt: skip
