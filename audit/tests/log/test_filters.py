"""Filters that match more than one value: periods, parts of names, sentences, and ranges of addresses."""

from copy import copy
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.event_query import MAX_MATCHING_USERS
from audit.models import AuditLog
from audit.models.addresses import parse_network
from audit.presentation.event_text import sentence
from audit.presentation.event_words import SENTENCE_WORDS, read_search
from reprotech.testing.cast import make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.web import estimated_counts


def event(name, **fields):
    return AuditLog.objects.create(
        **{"username": "clerk", "action": "lock", "resource": "user", "resource_name": name, **fields}
    )


def found(caller, query):
    response = caller.get(f"/api/audit?{query}&resource=user&per_page=100")
    assert response.status_code == 200, response.content
    return [log["resource_name"] for log in response.json()["logs"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("last=15m", ["minute"]),
        ("last=24h", ["hour", "minute"]),
        ("last=7d", ["day", "hour", "minute"]),
        ("last=30d", ["week", "day", "hour", "minute"]),
        ("last=15m&from=2000-01-01", ["year", "week", "day", "hour", "minute"]),
        ("last=", ["year", "week", "day", "hour", "minute"]),
    ],
)
def test_a_period_reaches_back_from_now_and_dates_go_first(super_admin, query, names):
    ages = {"year": 365, "week": 8, "day": 1.5, "hour": 1 / 24, "minute": 1 / 1440}
    for name, days in ages.items():
        event(name, timestamp=timezone.now() - timedelta(days=days))
    assert found(super_admin, f"{query}&user=clerk") == names[::-1]


def test_a_period_that_there_is_not_is_refused(super_admin):
    assert list(error_of(super_admin.get("/api/audit?last=1y"))["errors"]) == ["last"]


def test_an_export_keeps_the_moment_from_which_a_period_counts(super_admin):
    event("one")
    assert super_admin.get("/api/audit/export?format=jsonl&last=24h&user=clerk").status_code == 200
    filters = AuditLog.objects.get(action="export").details["filters"]
    assert set(filters) == {"user", "from"}


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("hugo", {"hugo.li", "hugo.was.gone"}),
        ("Hugo Li", {"hugo.li"}),
        ("UGO", {"hugo.li"}),
        ("hugo.w", {"hugo.was.gone"}),
        ("%", set()),
        ("_", set()),
        ("hugo' OR 1=1", set()),
        ("x" * 100, set()),
    ],
)
def test_a_part_of_a_name_finds_the_events_of_its_bearers(super_admin, typed, names):
    hugo = make_user("hugo.li")
    User.objects.filter(pk=hugo.pk).update(first_name="Hugo", last_name="Li")
    hugo.refresh_from_db()
    hugo.save()
    event("by hugo.li", username="hugo.li", user_id=hugo.pk)
    event("by hugo.was.gone", username="Hugo.was.gone")
    event("by other", username="mahugol")
    response = super_admin.get(f"/api/audit?{urlencode({'user_contains': typed, 'action': 'lock'})}")
    assert {log["resource_name"] for log in response.json()["logs"]} == {f"by {name}" for name in names}


def test_changes_without_a_reason_are_found(super_admin, cast):
    """Of people, as far as a reason can be given for them; one that was erased was one."""
    made = {"username": "the-admin", "user_id": cast.admin.pk}
    event("without", **made)
    event("with", details={"reason_given": "Left"}, **made)
    event("erased", details={"reason_given": None}, **made)
    event("refused", success=False, **made)
    event("of the system", username="system")
    event("a sign-in", action="login", resource="auth", **made)
    event("of a role", resource="role", action="update", **made)
    found = super_admin.get("/api/audit?reason=missing").json()["logs"]
    assert [log["resource_name"] for log in found] == ["of a role", "without"]
    assert super_admin.get("/api/audit?reason=lost").status_code == 400
    page = page_client(cast.super_admin).get("/audit?reason=missing").content.decode()
    assert '<option value="missing" selected>' in page


def test_who_may_not_read_users_finds_no_one_by_their_full_name(cast):
    hugo = make_user("hugo.li")
    User.objects.filter(pk=hugo.pk).update(first_name="Hugo", last_name="Secret", search_text="hugo.li hugo secret")
    event("by hugo", username="hugo.li", user_id=hugo.pk)
    assert found(Caller(cast.manager), "user_contains=secret&action=lock") == ["by hugo"]
    role = cast.manager.roles.get()
    role.permissions.set(role.permissions.exclude(name="user_read"))
    reader = Caller(cast.manager)
    assert found(reader, "user_contains=secret&action=lock") == []
    assert found(reader, "user_contains=hugo&action=lock") == ["by hugo"]


def test_too_many_people_are_refused_with_advice(super_admin, monkeypatch):
    monkeypatch.setattr("audit.event_query.MAX_MATCHING_USERS", 2)
    answer = error_of(super_admin.get("/api/audit?user_contains=the-"))
    assert "Type more of the name." in answer["errors"]["user_contains"][0]
    assert MAX_MATCHING_USERS == 100


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("10.20.0.7", ["a"]),
        ("10.20.0.", ["b", "a"]),
        ("10.20", ["c", "b", "a"]),
        ("10.20.0.0/24", ["b", "a"]),
        ("10.20.0.128/25", ["b"]),
        ("10.0.0.0/8", ["c", "b", "a"]),
        ("0.0.0.0/0", ["c", "b", "a"]),
        ("2001:db8:", ["six"]),
        ("2001:db8::/32", ["six"]),
        ("2001:DB8:0:1::5", ["six"]),
        ("2001:db9:", []),
        ("::ffff:10.20.0.7", ["a"]),
    ],
)
def test_addresses_are_found_by_their_beginning_and_by_range(super_admin, address, names):
    for name, ip in {"a": "10.20.0.7", "b": "10.20.0.200", "c": "10.20.99.1", "six": "2001:db8:0:1::5"}.items():
        event(name, ip_address=ip)
    event("none", ip_address=None)
    assert found(super_admin, f"ip_address={address}&action=lock") == names


@pytest.mark.parametrize("text", ["lab", "10.20.0.0/99", "300.", "1.2.3.4.5", "10.20.0.0/24/3", "fe80::1%eth0/10", ":"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_network(text)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("signed in", ["in"]),
        ("Signing in as", ["refused"]),
        ("failed", ["refused"]),
        ("clerk signed in", ["in"]),
        ("other signed in", []),
        ("gave newuser", ["newuser"]),
        ("gave the newuser", ["newuser"]),
        ('"signed in"', []),
        ("sign%", []),
    ],
)
def test_the_words_of_sentences_are_found(super_admin, search, names):
    event("in", action="login")
    event("refused", action="login", success=False)
    event("newuser", action="role_assign")
    assert found(super_admin, f"search={search}&user=clerk") == names


def test_each_phrase_stands_in_a_sentence_of_its_action():
    for phrase, (actions, success) in SENTENCE_WORDS.items():
        for action in actions:
            rows = [
                AuditLog(
                    username="anna", action=action, resource="user", resource_name="eve", details=details, success=ok
                )
                for details in ({}, {"sent_to": "x"})
                for ok in ((True, False) if success is None else (success,))
            ]
            assert any(phrase in sentence(row) or phrase.capitalize() in sentence(row) for row in rows), phrase


def test_a_search_without_such_words_stays_as_it_is():
    assert read_search("björn  novák") == ([], "björn  novák")


@pytest.mark.parametrize("chosen", ["user_contains=lims", "ip_address=198.18.0.0/16"])
def test_pages_of_those_who_were_seen_long_ago_alone(super_admin, monkeypatch, chosen):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 5)
    old = [
        AuditLog(username=f"lims-{n % 3}", ip_address=f"198.18.0.{n}", action="login", resource="auth", details={})
        for n in range(23)
    ]
    new = [AuditLog(username="other", ip_address="10.0.0.1", action="login", resource="auth", details={})] * 9
    AuditLog.objects.bulk_create(old)
    AuditLog.objects.bulk_create([copy(event) for event in new])
    ids = list(AuditLog.objects.filter(username__startswith="lims").newest_first().values_list("pk", flat=True))
    for page in range(1, 4):
        with CaptureQueriesContext(connection) as queries:
            found = super_admin.get(f"/api/audit?{chosen}&per_page=10&page={page}").json()
        assert [event["id"] for event in found["logs"]] == ids[(page - 1) * 10 : page * 10]
        if connection.vendor == "postgresql":
            assert not [sql for query in queries if '"id" DESC LIMIT' in (sql := query["sql"]) and "IN (" not in sql]
    assert found["total"] == 23
