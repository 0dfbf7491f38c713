"""Access begins and ends at its moment: a microsecond before, at it and after, wherever rights are read."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import session_cache
from accounts.access.authorization import SYSTEM, held_permissions
from accounts.access_periods.boundaries import record_boundaries, users_past_boundary
from accounts.access_periods.services import grant_role
from accounts.api_keys.services import create_key
from accounts.authentication.introspection_api import introspect
from accounts.authentication.login import sign_in_with_tokens
from accounts.core.exceptions import InvalidCredentials
from accounts.models import ApiKey, RoleGrant, Session, User
from accounts.sessions import tokens
from accounts.users.services import create_user, update_user
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, page_client
from sso.ending.access_changes import people_out_of_time
from sso.ending.services import end_lost_sign_ins
from sso.models import AppSignIn
from sso.tests.support.sign_ins import make_application, make_sign_in

pytestmark = pytest.mark.django_db(transaction=True)

MICROSECOND = timedelta(microseconds=1)
#: Tokens that are made before it end with it, and their library asks the real clock.
SOON = timedelta(seconds=50)
KINDS = ("grant starts_at", "grant ends_at", "account starts_at", "account ends_at")
SUPER_ADMIN = "Super Administrator"


@pytest.fixture
def clock(monkeypatch):
    """Sets the time of this process."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture
def visitor(cast):
    """A second Super Administrator with every kind of credential, whose account and role have no end yet."""
    user = make_user("visitor", "super_admin")
    caller = Caller(user)
    assert caller.token
    return SimpleNamespace(
        user=user,
        caller=caller,
        cookies="; ".join(f"{name}={morsel.value}" for name, morsel in page_client(user).cookies.items()),
        key=create_key(actor=user, user_id=user.pk, name="Mine", scopes=["audit_read"]).text,
        application=(application := make_application("Grafana", "super_admin")),
        sign_in=make_sign_in(application, user),
    )


def limit(user, kind, moment):
    """Let the grant or the account begin or end at a moment, past the services: they would end the sessions."""
    what, which = kind.split()
    rows = RoleGrant.objects.filter(user=user) if what == "grant" else User.objects.filter(pk=user.pk)
    values = {which: moment}
    if which == "starts_at":
        values |= {"is_pending": True} if what == "grant" else {"period_state": "pending"}
    with explicitly_recorded():
        rows.update(**values)


def places(visitor, *, signs_in):
    """What each place where rights are read says: the API, pages, the admin, keys, introspection, applications."""
    me = visitor.caller.get("/api/auth/me")
    # A browser that was refused forgets its cookie.
    browser = Client(headers={"cookie": visitor.cookies}, raise_request_exception=False)
    roles = me.json()["roles"] if me.status_code == 200 else me.status_code
    seen = {
        "api": roles,
        "page": browser.get("/audit").status_code,
        "admin": browser.get("/admin/").status_code,
        "key": visitor.caller.get("/api/audit", HTTP_AUTHORIZATION=f"Bearer {visitor.key}").status_code,
        "introspection": introspect(token=visitor.caller.token).get("roles"),
        "key's introspection": introspect(token=visitor.key).get("permissions"),
        "application": AppSignIn.objects.valid().filter(pk=visitor.sign_in.pk).exists(),
        "lost": AppSignIn.objects.lost().filter(pk=visitor.sign_in.pk).exists(),
        "services": bool(held_permissions(visitor.user)),
        "holders": User.objects.super_administrators().filter(pk=visitor.user.pk).exists(),
    }
    if signs_in:
        try:
            sign_in_with_tokens(identifier="visitor", password=PASSWORD)
        except InvalidCredentials:
            seen["sign-in"] = False
        else:
            seen["sign-in"] = True
    return seen


def expected(kind, *, holds):
    if holds:
        found = {"api": [SUPER_ADMIN], "page": 200, "admin": 200, "key": 200, "introspection": [SUPER_ADMIN]}
        found |= {"key's introspection": ["audit_read"]}
    elif kind.startswith("grant"):
        found = {"api": [], "page": 403, "admin": 403, "key": 403, "introspection": [], "key's introspection": []}
    else:
        found = {"api": 401, "page": 302, "admin": 302, "key": 401, "introspection": None, "key's introspection": None}
    found |= {"application": holds, "lost": not holds, "services": holds}
    return found | {"holders": holds or kind.startswith("account"), "sign-in": holds or kind.startswith("grant")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_knows_the_moment(visitor, clock, kind):
    boundary = timezone.now() + SOON
    limit(visitor.user, kind, boundary)
    for offset in (-MICROSECOND, timedelta(0), MICROSECOND):
        clock(boundary + offset)
        holds = (offset < timedelta(0)) == kind.endswith("ends_at")
        # Signing in takes a hash, and is the same a microsecond later.
        signs_in = offset <= timedelta(0)
        found = places(visitor, signs_in=signs_in)
        right = expected(kind, holds=holds)
        assert found == {place: right[place] for place in found}, (kind, offset)
    session_cache.reset()  # as a process that has just started
    assert places(visitor, signs_in=False).items() <= right.items()


def test_a_cached_session_is_no_way_round_it(visitor, clock, settings):
    boundary = timezone.now() + SOON
    limit(visitor.user, "grant ends_at", boundary)
    for redis in (settings.REDIS_URL, ""):
        settings.REDIS_URL = redis
        clock(boundary - MICROSECOND)
        assert [visitor.caller.get("/api/auth/me").json()["roles"] for _ in range(2)] == [[SUPER_ADMIN]] * 2
        clock(boundary)
        assert visitor.caller.get("/api/auth/me").json()["roles"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_boundary_is_on_record_once(visitor, clock, kind):
    boundary = timezone.now() + SOON
    limit(visitor.user, kind, boundary)
    last = AuditLog.objects.newest_first().first().pk
    clock(boundary - MICROSECOND)
    assert (record_boundaries(), users_past_boundary()) == (0, set())
    clock(boundary)
    assert users_past_boundary() == {visitor.user.pk}
    assert [record_boundaries(), record_boundaries()] == [1, 0]
    # A clock that is set back revives nothing, and records nothing again.
    clock(boundary - timedelta(hours=1))
    assert record_boundaries() == 0
    if kind.endswith("ends_at"):
        right = expected(kind, holds=False)
        assert places(visitor, signs_in=False)["page"] == right["page"]
    [event] = AuditLog.objects.filter(pk__gt=last, details__has_key="effective_at")
    actions = {"grant starts_at": "role_assign", "grant ends_at": "role_revoke"}
    assert (event.username, event.resource_id, event.action) == (
        "system",
        str(visitor.user.pk),
        actions.get(kind, "update"),
    )
    assert event.details["reason"] == ("begins" if kind.endswith("starts_at") else "expired")
    assert event.details["effective_at"] == boundary.isoformat().replace("+00:00", "Z")
    if kind == "grant ends_at":
        assert event.changes["roles"] == [[SUPER_ADMIN], []]
        assert not RoleGrant.objects.filter(user=visitor.user).exists()
    if kind == "account ends_at":
        assert not Session.objects.alive().filter(user=visitor.user).exists()


def test_what_passed_while_the_server_was_down_is_recorded_in_order(cast, clock):
    now = timezone.now()
    hours = [now + timedelta(hours=number) for number in range(1, 5)]
    for role, start, end in (("manager", hours[0], hours[2]), ("viewer", hours[1], hours[3])):
        grant_role(actor=SYSTEM, user_id=cast.stranger.pk, role=role, starts_at=start, ends_at=end)
    clock(now + timedelta(days=1))
    assert record_boundaries() == 4
    events = AuditLog.objects.filter(resource_id=str(cast.stranger.pk), details__has_key="effective_at").order_by("pk")
    assert [event.changes["roles"] for event in events] == [
        [[], ["Manager"]],
        [["Manager"], ["Manager", "Viewer"]],
        [["Manager", "Viewer"], ["Viewer"]],
        [["Viewer"], []],
    ]
    assert [event.details["grants"][0]["role"] for event in events] == ["Manager", "Viewer", "Manager", "Viewer"]


@pytest.mark.only_on("postgresql")
def test_two_workers_record_each_once(cast, clock):
    now = timezone.now()
    people = [cast.viewer, cast.manager, cast.stranger]
    for person in people:
        grant_role(actor=SYSTEM, user_id=person.pk, role="researcher", ends_at=now + SOON)
    clock(now + SOON)
    barrier = Barrier(2)

    def work():
        barrier.wait()
        try:
            return record_boundaries()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(2)]]
    assert sum(counts) + record_boundaries() == len(people)
    assert AuditLog.objects.filter(details__reason="expired").count() == len(people)


def test_programs_are_signed_out_without_waiting_for_the_record(visitor, clock):
    boundary = timezone.now() + SOON
    limit(visitor.user, "grant ends_at", boundary)
    clock(boundary - MICROSECOND)
    assert end_lost_sign_ins(people_out_of_time()) == 0
    clock(boundary)
    assert end_lost_sign_ins(people_out_of_time()) == 1
    assert AppSignIn.objects.get(pk=visitor.sign_in.pk).end_reason == "role_taken"


def test_credentials_say_that_they_end_with_the_account(cast):
    end = timezone.now() + timedelta(minutes=5)
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, ends_at=end)
    user = User.objects.get(pk=cast.viewer.pk)
    caller, seconds = Caller(user), int(end.timestamp())
    assert tokens.verify(caller.token, tokens.AccessToken).expires_at == seconds
    assert introspect(token=caller.token)["exp"] == seconds
    Session.objects.filter(user=user).update(confirmed_at=timezone.now())
    key = create_key(actor=user, user_id=user.pk, name="Mine", scopes=["animal_read"])
    assert ApiKey.objects.get(pk=key.key.pk).expires_at == end
    assert introspect(token=key.text)["exp"] == seconds
    # With a role that ends earlier, tokens that name the roles end with it.
    earlier = end - timedelta(minutes=2)
    grant_role(actor=SYSTEM, user_id=user.pk, role="manager", ends_at=earlier)
    assert introspect(token=caller.token)["exp"] == int(earlier.timestamp())


def test_lists_and_numbers_follow_the_record(cast, super_admin, clock):
    def listed(status):
        answer = super_admin.get(f"/api/users?status={status}").json()
        return [user["username"] for user in answer["users"]], answer["total"]

    update_user(actor=SYSTEM, user_id=cast.stranger.pk, starts_at=timezone.now() + timedelta(days=1))
    assert listed("pending") == (["the-stranger"], 1)
    assert "the-stranger" not in listed("active")[0]
    later = create_user(
        actor=SYSTEM, username="later", email="later@lab.example", starts_at=timezone.now() + timedelta(days=9)
    )
    assert (later.status, later.invited_at, len(mail.outbox)) == ("pending", None, 0)
    with explicitly_recorded():
        past = timezone.now() - timedelta(seconds=1)
        User.objects.filter(pk=later.pk).update(starts_at=past)
        User.objects.filter(pk=cast.stranger.pk).update(starts_at=None, ends_at=past, period_state="")
    record_boundaries()
    assert listed("ended") == (["the-stranger"], 1)
    assert listed("pending") == ([], 0)
    # The invitation leaves once the account begins.
    later.refresh_from_db()
    assert (later.status, [letter.to for letter in mail.outbox]) == ("invited", [["later@lab.example"]])
    assert json.loads(super_admin.get(f"/api/users/{cast.stranger.pk}").content)["status"] == "ended"
