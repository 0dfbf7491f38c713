"""The home page: the dashboard, and one's own account for those who may not see it."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from html import unescape
from threading import Thread

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Permission, Role, Session, User
from accounts.roles.services import create_role
from accounts.users import services as user_services
from analytics import dashboard, dashboard_cache
from audit.models import AuditLog
from audit.services import record
from audit.statistics import latest_event
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.process_cache import process_cache
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import page_client
from reprotech.tests.contract.authentication.test_lockout import login

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def one_slot(one_day, monkeypatch):
    """Neither the day nor the minute changes within a test."""
    monkeypatch.setattr(dashboard_cache, "REFRESH_SECONDS", 10**12)


def text_of(response):
    assert response.status_code == 200, response.content
    return response.content.decode()


def etag_of(page):
    headers = json.loads(unescape(re.search(r'hx-headers="(\{&quot;If-None-Match[^"]*)"', page)[1]))
    return headers["If-None-Match"]


def cards(page):
    """{label: (figure, change)}"""
    found = re.findall(r'<a class="card-figure"[^>]*>(.*?)</a>', page, re.DOTALL)
    lines = [[line.strip() for line in re.sub(r"<[^>]+>", "\n", card).splitlines() if line.strip()] for card in found]
    return {line[0]: (line[1], line[-1]) for line in lines}


def drawings(page):
    found = re.findall(r'data-draws="(\w+)-chart" data-drawing="([^"]*)"', page)
    return {name: json.loads(unescape(drawing)) for name, drawing in found}


def age_by(model, days, **where):
    model.objects.filter(**where).update(created_at=timezone.now() - timedelta(days=days))


def test_the_dashboard_shows_the_figures_and_greets(cast):
    make_user("idle", "viewer", is_active=False)
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    login("the-researcher", "Wrong-Horse-7")
    page = text_of(page_client(cast.manager).get("/"))
    assert "<h1>Hello the-manager</h1>" in page
    assert {label: figure for label, (figure, _) in cards(page).items()} == {
        "Total users": "9",
        "Active users": "7",
        "System roles": "7",
        "Permissions": "39",
    }
    drawn = drawings(page)
    assert [series["data"][-1] for series in drawn["activity"]["series"]] == [1, 1]
    assert len(drawn["growth"]["labels"]) == 30
    assert re.findall(r'href="/users\?status=(\w+)">\w+ <strong>(\d+)', page) == [
        ("active", "7"),
        ("inactive", "1"),
        ("locked", "1"),
    ]
    assert re.search(r"the-researcher.*?Failed", page, re.DOTALL)


def test_changes_are_those_of_the_range(cast):
    for model in (User, Role, Permission):
        age_by(model, 60)
    age_by(Permission, 3, name="genomics_read")
    age_by(User, 5, pk=cast.stranger.pk)
    page = text_of(page_client(cast.manager).get("/"))
    assert cards(page) == {
        "Total users": ("8", "1 more than 30 days ago"),
        "Active users": ("8", "1 more than 30 days ago"),
        "System roles": ("7", "No change in 30 days"),
        "Permissions": ("39", "1 more than 30 days ago"),
    }
    user_services.delete_user(actor=SYSTEM, user_id=cast.viewer.pk)
    user_services.lock_user(actor=SYSTEM, user_id=cast.researcher.pk)
    page = text_of(page_client(cast.manager).get("/"))
    assert cards(page)["Total users"] == ("7", "No change in 30 days")
    assert cards(page)["Active users"] == ("6", "1 fewer than 30 days ago")
    week = cards(text_of(page_client(cast.manager).get("/?days=7")))
    assert week["Total users"] == ("7", "No change in 7 days")
    assert week["Permissions"] == ("39", "1 more than 7 days ago")


def test_a_change_is_hidden_where_nothing_is_as_old_as_the_range(cast, settings):
    age_by(User, 60)
    browser = page_client(cast.manager)
    assert cards(text_of(browser.get("/?days=30"))) == {
        "Total users": ("8", "No change in 30 days"),
        "Active users": ("8", "No change in 30 days"),
        "System roles": ("7", "7"),
        "Permissions": ("39", "39"),
    }
    assert cards(text_of(browser.get("/?days=365")))["Total users"] == ("8", "8")
    settings.AUDIT_RETENTION_DAYS = 31  # older events, which say who was active, may be archived
    assert cards(text_of(browser.get("/?days=90")))["Active users"] == ("8", "8")


def test_each_card_leads_to_its_list(cast):
    page = text_of(page_client(cast.manager).get("/"))
    assert re.findall(r'class="card-figure" href="([^"]+)"', page) == [
        "/users",
        "/users?status=active",
        "/roles",
        "/permissions",
    ]


@pytest.mark.parametrize(("days", "bars"), [(7, {7}), (90, {13, 14}), (365, {53, 54})])
def test_a_range_is_chosen_in_the_address(cast, days, bars):
    page = text_of(page_client(cast.manager).get(f"/?days={days}"))
    assert len(drawings(page)["growth"]["labels"]) in bars
    assert re.search(rf'href="/\?days={days}" aria-current="true"', page)
    assert f'hx-get="/?days={days}"' in page


@pytest.mark.parametrize("query", ["days=8", "days=x", "color=red", "days=7&days=30"])
def test_a_range_that_is_none_leads_to_the_usual_one(cast, query):
    response = page_client(cast.manager).get(f"/?{query}")
    assert (response.status_code, response["Location"]) == (302, "/")


def test_an_unchanged_dashboard_costs_the_log_one_look_a_second(cast, monkeypatch):
    assert latest_event.CACHE_SECONDS == 1
    monkeypatch.setattr(latest_event, "CACHE_SECONDS", 600)  # a page may take a second where much else runs
    browser = page_client(cast.manager)
    etag = etag_of(text_of(browser.get("/?days=7")))

    def poll():
        with CaptureQueriesContext(connection) as captured:
            response = browser.get("/?days=7", headers=HTMX | {"If-None-Match": etag})
        assert (response.status_code, response.content) == (304, b"")
        return [query["sql"] for query in captured if "sessions" not in query["sql"]]

    process_cache.delete(latest_event.KEY)
    (look,) = poll()
    assert "audit_logs" in look
    assert "COUNT" not in look.upper()
    assert poll() == []
    monkeypatch.setattr(latest_event, "CACHE_SECONDS", 0.01)
    process_cache.delete(latest_event.KEY)
    assert len(poll()) == 1
    time.sleep(0.02)
    assert len(poll()) == 1


def a_minute_later(monkeypatch):
    monkeypatch.setattr(dashboard_cache, "REFRESH_SECONDS", dashboard_cache.REFRESH_SECONDS // 1000)


def poll(browser, etag):
    return browser.get("/", headers=HTMX | {"If-None-Match": etag})


def test_a_minute_in_which_nothing_happens_changes_nothing(cast, monkeypatch):
    browser, other = page_client(cast.manager), page_client(cast.admin)
    etag, others = etag_of(text_of(browser.get("/"))), etag_of(text_of(other.get("/")))
    for _ in range(2):
        a_minute_later(monkeypatch)
        assert poll(browser, etag).status_code == 304
        process_cache.clear()  # another process, that finds the figures in the cache
        assert poll(other, others).status_code == 304


@pytest.mark.parametrize(
    "change", [{"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, {"last_used_at": datetime(2020, 1, 1, tzinfo=UTC)}]
)
def test_what_changes_in_silence_is_seen_a_minute_later(cast, monkeypatch, change):
    browser = page_client(cast.manager)
    page_client(cast.viewer)
    etag = etag_of(text_of(browser.get("/")))
    with explicitly_recorded():
        Session.objects.filter(user=cast.viewer).update(**change)
    assert poll(browser, etag).status_code == 304
    a_minute_later(monkeypatch)
    assert etag_of(text_of(poll(browser, etag))) != etag


def test_a_login_elsewhere_changes_it(cast):
    browser = page_client(cast.manager)
    etag = etag_of(text_of(browser.get("/")))
    login("the-viewer")
    fragment = text_of(browser.get("/", headers=HTMX | {"If-None-Match": etag}))
    assert fragment.lstrip().startswith('<div id="dashboard"')
    assert "the-viewer" in fragment
    assert etag_of(fragment) != etag


def test_a_version_is_for_one_user_and_one_range(cast):
    browser, other = page_client(cast.manager), page_client(cast.admin)
    etags = {etag_of(text_of(who.get(f"/?days={days}"))) for who in (browser, other) for days in (7, 30)}
    assert len(etags) == 4


def test_two_who_look_at_the_same_version_cost_the_figures_once(cast):
    browser, other = page_client(cast.manager), page_client(cast.admin)
    text_of(browser.get("/"))
    with CaptureQueriesContext(connection) as captured:
        text_of(other.get("/"))
    assert not [query["sql"] for query in captured if '"users"' in query["sql"] and "COUNT" in query["sql"].upper()]


def test_the_whole_page_is_never_a_304_and_history_gets_it(cast):
    browser = page_client(cast.manager)
    etag = etag_of(text_of(browser.get("/")))
    for headers in ({}, HTMX | {"HX-History-Restore-Request": "true"}):
        assert "<html" in text_of(browser.get("/", headers=headers | {"If-None-Match": etag}))


def test_a_dashboard_costs_the_same_at_3_users_and_at_60(cast):
    browser = page_client(cast.manager)
    age_by(User, 60)  # so that there is something to compare with
    costs = []
    for numbers in (range(3), range(3, 60)):
        for n in numbers:
            user = User.objects.create(username=f"user-{n}", email=f"user-{n}@lab.example")
            AuditLog.objects.create(user_id=user.pk, username=user.username, action="login", resource="auth")
        process_cache.clear()
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            text_of(browser.get("/"))
        costs.append(len(captured))
    assert costs[0] == costs[1] > 2


def test_who_may_not_see_figures_sees_their_own_account(cast):
    page = text_of(page_client(cast.viewer).get("/"))
    assert "<h1>Hello the-viewer</h1>" in page
    assert '<span class="mark">Viewer</span>' in page
    assert "<code>animal_read</code>" in page
    assert "Total users" not in page
    assert "chart.umd" not in page


def test_a_dashboard_left_open_by_who_lost_the_permission_reloads(cast):
    response = page_client(cast.viewer).get("/", headers=HTMX)
    assert response["HX-Redirect"] == "/"


def test_health_says_what_does_not_answer(cast, monkeypatch):
    monkeypatch.setattr(dashboard, "cache_state", lambda: "unavailable")
    page = text_of(page_client(cast.manager).get("/"))
    assert re.search(r"Cache\s+unavailable", page)
    assert re.search(r"Database\s+connected", page)


def test_without_the_cache_the_dashboard_is_there_all_the_same(cast, monkeypatch):
    browser = page_client(cast.manager)

    def fail(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(dashboard_cache, "cache", type("Cache", (), {"get": fail, "set": fail})())
    text_of(browser.get("/"))


def test_a_password_is_nowhere_on_the_dashboard(cast):
    login("the-viewer", PASSWORD)
    assert PASSWORD not in text_of(page_client(cast.manager).get("/"))


@pytest.mark.only_on("postgresql")  # SQLite's writers and readers of a test share one connection
@pytest.mark.django_db(transaction=True)
def test_who_asks_while_something_is_recorded_hides_it_from_nobody(cast):
    with transaction.atomic():
        record(actor=cast.manager, action="login", resource="auth")
        before = ask_elsewhere()
    assert latest_event.latest_event_id() > before


def ask_elsewhere():
    """What another thread reads, which sees only what was committed."""
    answers = []

    def ask():
        answers.append(latest_event.latest_event_id())
        connection.close()

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    return answers[0]


def queries_of(ask):
    with CaptureQueriesContext(connection) as captured:
        page = text_of(ask())
    return page, [query["sql"] for query in captured if "COUNT" in query["sql"].upper()]


def test_what_changed_is_put_together_once_for_all_who_follow_the_same_links(cast):
    browser, other = page_client(make_user("second", "admin")), page_client(cast.admin)
    etags = [etag_of(text_of(who.get("/"))) for who in (browser, other)]
    login("the-viewer")
    first, _ = queries_of(lambda: poll(browser, etags[0]))
    second, counted = queries_of(lambda: poll(other, etags[1]))
    assert counted == []
    assert "<h1>Hello the-admin</h1>" in second
    assert first[first.index('<ul class="cards"') :] == second[second.index('<ul class="cards"') :]
    assert etag_of(first) != etag_of(second)


def test_who_may_not_follow_a_link_gets_none_however_many_others_may(cast):
    role = create_role(actor=SYSTEM, name="Analyst", permissions=["analytics_read"])
    analyst = make_user("analyst", role.slug)
    browser, other = page_client(cast.manager), page_client(analyst)
    etags = [etag_of(text_of(who.get("/"))) for who in (browser, other)]
    login("the-viewer")
    assert 'href="/users/' in text_of(poll(browser, etags[0]))
    page = text_of(poll(other, etags[1]))
    assert "the-viewer" in page
    assert 'href="/users/' not in page
    assert 'href="/audit' not in page
