"""What the dashboard says needs attention: facts, who sees which line, and that each leads to exactly its list."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Role, User
from accounts.roles.services import create_role
from accounts.users import services as user_services
from analytics import dashboard_cache
from analytics.attention import current_facts
from analytics.failed_sign_ins import Failure, bursts
from audit.models import AuditLog, Checkpoint, VerificationRun
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import NamedActor
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client
from reprotech.tests.contract.authentication.test_lockout import login

NOW = timezone.now()
UNSEALED = "New events are not being sealed"
ALL_CLEAR = "All clear: nothing needs attention."


@pytest.fixture(autouse=True)
def one_slot(one_day, monkeypatch):
    monkeypatch.setattr(dashboard_cache, "REFRESH_SECONDS", 10**12)


def lines(user):
    """{sentence: address} of the lines that this user sees, but what other tests left unsealed."""
    page = page_client(user).get("/").content.decode()
    found = re.search(r'aria-labelledby="attention">(.*?)</section>', page, re.DOTALL)
    assert (found is None) != ("Needs attention" in page)
    links = re.findall(r'href="([^"]+)">(.*?)</a>', found[1], re.DOTALL) if found else []
    found = {" ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split()): unescape(url) for url, text in links}
    return {sentence: url for sentence, url in found.items() if sentence != UNSEALED}


def failure(minutes, name="hugo", address="203.0.113.9"):
    return Failure(NOW - timedelta(minutes=minutes), name, address, None, False)


def test_nothing_is_said_calmly(cast):
    assert lines(cast.manager) == {}
    assert ALL_CLEAR in page_client(cast.manager).get("/").content.decode()


def test_who_may_open_no_list_is_told_nothing(cast):
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    role = create_role(actor=SYSTEM, name="Analyst", permissions=["analytics_read"])
    page = page_client(make_user("analyst", role.slug)).get("/").content.decode()
    assert "Needs attention" not in page
    assert ALL_CLEAR not in page


def test_what_is_said_of_accounts_leads_to_exactly_these(cast):
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    with explicitly_recorded():
        User.objects.filter(pk=cast.stranger.pk).update(last_login=NOW - timedelta(days=91))
        User.objects.filter(pk=cast.researcher.pk).update(last_login=NOW - timedelta(days=92))
        cast.researcher.api_keys.create(
            name="old", prefix="old", secret_hash="old", expires_at=NOW + timedelta(days=13)
        )
        User.objects.filter(pk=cast.veterinarian.pk).update(ends_at=NOW + timedelta(days=13))
        for user, days in ((cast.lab_technician, 13), (cast.researcher, 15)):
            user.role_grants.update(ends_at=NOW + timedelta(days=days))
        Role.objects.filter(slug="manager").update(requires_factor=True)
        Role.objects.filter(slug="admin").update(requires_factor=True)
        User.objects.filter(pk=cast.admin.pk).update(factor_kinds="totp")
    found = lines(cast.manager)
    assert found == {
        "1 person has no second factor, which a role requires": "/users?attention=no_factor",
        "1 account is locked": "/users?status=locked",
        "1 account has an API key that ends within 14 days": "/users?attention=key_ending",
        "2 people have not signed in for 90 days": "/users?attention=dormant",
        "2 people have access that ends within 14 days": "/users?attention=access_ending",
    }
    browser = page_client(cast.manager)
    for sentence, url in found.items():
        listed = re.findall(r"<tr[^>]* data-row", browser.get(url).content.decode())
        assert len(listed) == int(sentence.split()[0]), sentence


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        (range(9), []),
        (range(10), [10]),
        (range(0, 70, 7), []),  # one each seven minutes: nine within an hour
        ([*range(12), *range(600, 640)], [40]),  # the fullest hour counts
    ],
)
def test_a_burst_is_ten_within_an_hour(minutes, found):
    assert [burst.failures for burst in bursts([failure(n) for n in minutes])] == found


def test_a_burst_is_from_an_address_or_for_a_name_and_not_said_twice():
    spraying = [failure(n, name=f"name-{n}") for n in range(12)]
    guessing = [failure(n, name=("Hugo", "hugo")[n % 2], address=f"198.51.100.{n}") for n in range(11)]
    at_one = [failure(n, name="anna", address="192.0.2.1") for n in range(30)]
    assert [(burst.field, burst.value, burst.failures) for burst in bursts([*spraying, *guessing, *at_one])] == [
        ("ip_address", "192.0.2.1", 30),
        ("ip_address", "203.0.113.9", 12),
        ("user", "hugo", 11),
    ]


def fail(name, count, user_id=None, reason="The password is wrong."):
    for _ in range(count):
        record(actor=NamedActor(name, user_id), action="login", resource="auth", success=False, reason=reason)


def test_a_burst_leads_to_exactly_its_events(cast):
    fail("nobody-here", 12)
    fail("hugo", 9)
    found = lines(cast.manager)
    assert [*found] == ["12 failed sign-ins as nobody-here within an hour"]
    (url,) = found.values()
    page = page_client(cast.manager).get(url).content.decode()
    assert len(set(re.findall(r'href="/audit/(\d+)[?"]', page))) == 12


def test_of_many_bursts_the_largest_are_named(cast):
    for n in range(5):
        fail(f"name-{n}", 10 + n)
    found = lines(cast.manager)
    assert [*found][:4] == [
        "14 failed sign-ins as name-4 within an hour",
        "13 failed sign-ins as name-3 within an hour",
        "12 failed sign-ins as name-2 within an hour",
        "2 more bursts of failed sign-ins",
    ]
    assert found["2 more bursts of failed sign-ins"].startswith("/audit?action=login&outcome=failure&from=")


def test_expired_invitations_lead_to_their_list(cast):
    make_user("later", password=None)
    user = make_user("fresh", password=None)
    User.objects.filter(pk=user.pk).update(invited_at=NOW - timedelta(days=4))
    assert lines(cast.manager) == {"1 invitation has expired": "/users?status=invitation_expired"}


def test_old_failures_are_forgotten(cast):
    moment = NOW - timedelta(hours=25)
    for _ in range(12):
        AuditLog.objects.create(action="login", resource="auth", username="hugo", success=False, timestamp=moment)
    assert lines(cast.manager) == {}


def test_a_person_who_is_locked_out_is_named_until_an_administrator_lets_them_in(cast, settings):
    settings.RATE_LIMIT_ENABLED = True
    for _ in range(11):
        login("the-viewer", "Wrong-Horse-7")
    assert lines(cast.manager)["the-viewer is locked out after too many wrong passwords"] == f"/users/{cast.viewer.pk}"
    user_services.unlock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert not [sentence for sentence in lines(cast.manager) if "locked out" in sentence]


def run(**fields):
    return VerificationRun.objects.create(**fields)


@pytest.mark.parametrize(("hours", "is_late"), [(1, False), (25, False), (27, True)])
def test_a_log_that_was_not_verified_for_a_day_is_said(cast, hours, is_late):
    Checkpoint.objects.create(size=1, sealed_at=NOW - timedelta(days=3), note="-")
    run(finished_at=NOW - timedelta(hours=hours), size=1)
    expected = {"The audit log has not been verified for more than a day": "/audit"} if is_late else {}
    assert lines(cast.manager) == expected


@pytest.mark.parametrize(("days", "is_late"), [(0, False), (3, True)])
def test_a_log_that_was_never_verified_is_late_after_a_day(cast, days, is_late):
    Checkpoint.objects.create(size=1, sealed_at=NOW - timedelta(days=days), note="-")
    assert bool(lines(cast.manager)) == is_late


def test_a_damaged_log_comes_first(cast):
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    Checkpoint.objects.create(size=1, sealed_at=NOW, note="-")
    run(finished_at=NOW, size=1, findings=["Event 1 was changed."])
    assert next(iter(lines(cast.manager))) == "The audit log was changed: a verification found it"


def test_an_old_backup_is_said_where_there_was_one(cast):
    assert current_facts()["backup_days"] == 0
    for days in (9, 3):
        AuditLog.objects.create(action="export", resource="database", timestamp=NOW - timedelta(days=days, hours=1))
    assert lines(cast.manager) == {"The last backup is 3 days old": "/audit?action=export&resource=database"}
    AuditLog.objects.create(action="export", resource="database", success=False)
    assert current_facts()["backup_days"] == 3
    AuditLog.objects.create(action="export", resource="database")
    assert current_facts()["backup_days"] == 0
