"""The event next to the list, its neighbours, and when events happened."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditLog, DailyCount
from audit.statistics import histogram
from audit.statistics.histogram import DAY, HOUR, MINUTE, make_bars, step_of
from reprotech.testing.client import page_client
from reprotech.web import estimated_counts

HTMX = {"HX-Request": "true"}


@pytest.fixture
def manager(cast):
    return page_client(cast.manager)


def event(name="newuser", **fields):
    return AuditLog.objects.create(
        **{"username": "clerk", "action": "lock", "resource": "user", "resource_name": name, **fields}
    )


def text_of(response):
    assert response.status_code == 200, response.content
    return " ".join(response.content.decode().split())


def test_an_event_has_links_to_the_older_and_the_newer_one(manager):
    older, middle, newer = (event(name) for name in ("a", "b", "c"))
    page = text_of(manager.get(f"/audit/{middle.pk}"))
    assert f'rel="prev" href="/audit/{older.pk}"' in page
    assert f'rel="next" href="/audit/{newer.pk}"' in page
    assert 'data-copies-text="event-json"' in page


def test_an_event_next_to_the_list_says_the_same_as_its_page(manager):
    row = event(user_agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0", action="access_denied")
    panel, page = (text_of(manager.get(f"/audit/{row.pk}", headers=headers)) for headers in (HTMX, {}))
    assert "<html" not in panel
    assert 'id="event-panel-title"' in panel
    for text in ("Firefox 140 on Windows", "Access denied", "Copy JSON", "All events of this user"):
        assert text in panel
        assert text in page


def test_bars_show_how_many_events_happened_and_failed_and_lead_to_them(manager):
    now = timezone.now()
    for hours in (1, 1, 5):
        event(timestamp=now - timedelta(hours=hours))
    event(timestamp=now - timedelta(hours=5), success=False)
    page = text_of(manager.get("/audit?user=clerk&last=24h"))
    assert "4 events, 1 failed; a bar is 30 minutes" in page
    bars = [address.replace("&amp;", "&") for address in re.findall(r'<a href="([^"]*)" tabindex="-1"', page)]
    assert len(bars) == 49
    found = [int(re.search(r"<p> (\d+) event", text_of(manager.get(bar)))[1]) for bar in bars[36:48]]
    assert sorted(found) == [0] * 10 + [2, 2]


def test_an_empty_list_has_no_histogram(manager):
    assert "histogram-bars" not in text_of(manager.get("/audit?user=nobody-here"))


def test_more_events_than_are_counted_have_no_histogram_where_the_sealer_keeps_no_count(one_day, manager, monkeypatch):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 3)
    for _ in range(5):
        event(timestamp=timezone.now() - timedelta(hours=2))
    assert "histogram-bars" not in text_of(manager.get("/audit?user=clerk&last=24h"))
    DailyCount.objects.create(day=timezone.now().date(), action="lock", success=True, events=1_234_567)
    page = text_of(manager.get("/audit?action=lock&last=30d"))
    assert "1,234,567 events, 0 failed" in page


def test_the_histogram_costs_the_same_however_many_events(manager):
    costs = []
    for number in (3, 97):
        AuditLog.objects.bulk_create(AuditLog(username="x", action="lock", resource="user") for _ in range(number))
        with CaptureQueriesContext(connection) as captured:
            text_of(manager.get("/audit?last=24h&user=x"))
        costs.append(len(captured))
    assert costs[0] == costs[1] > 0


@pytest.mark.parametrize(
    ("span", "step"),
    [
        (timedelta(minutes=15), MINUTE),
        (timedelta(hours=24), 30 * MINUTE),
        (timedelta(days=7), 3 * HOUR),
        (timedelta(days=30), 12 * HOUR),
        (timedelta(days=31), DAY),
        (timedelta(days=3650), 91 * DAY),
        (timedelta(seconds=0), MINUTE),
    ],
)
def test_bars_are_never_too_many_to_tell_apart(span, step):
    begin = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert step_of(begin, begin + span) == step
    assert len(make_bars({}, begin, begin + span, step)) <= histogram.MAX_BARS + 1
