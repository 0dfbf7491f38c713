"""What serves an inspection: kept views, and the report."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.export.services import MAX_REPORT_ROWS
from audit.models import AuditLog, SavedFilter
from audit.saved_filters import MAX_SAVED_FILTERS
from audit.sealing.sealer import Sealer, latest_checkpoint
from reprotech.testing.client import page_client


@pytest.fixture
def manager(cast):
    """Who may read the log and export it."""
    return page_client(cast.manager)


def keep(browser, name="Wrong passwords", query="action=login&outcome=failure"):
    return browser.post("/audit/saved", {"name": name, "query": query})


def event(**fields):
    common = {"username": "clerk", "action": "lock", "resource": "user", "resource_name": "newuser"}
    return AuditLog.objects.create(**{**common, **fields})


def test_a_kept_view_leads_back_to_its_filters_and_can_be_removed(manager):
    response = keep(manager)
    assert response.url == "/audit?action=login&outcome=failure"
    page = manager.get(response.url).content.decode()
    assert re.search(
        r'<a href="/audit\?action=login&amp;outcome=failure"\s+aria-current="page">Wrong passwords</a>', page
    )
    manager.post(f"/audit/saved/{SavedFilter.objects.get().pk}/delete")
    assert "Wrong passwords" not in manager.get("/audit").content.decode().replace("The view", "")
    assert not SavedFilter.objects.exists()


def test_views_are_each_readers_own(cast, manager):
    keep(manager)
    other = page_client(cast.admin)
    assert "Wrong passwords" not in other.get("/audit").content.decode()
    other.post(f"/audit/saved/{SavedFilter.objects.get().pk}/delete")
    assert SavedFilter.objects.exists()
    assert keep(other).status_code == 302


@pytest.mark.parametrize(
    ("name", "query", "sentence"),
    [
        ("", "action=login", "Give it a name."),
        ("n" * 51, "action=login", "at most 50"),
        ("a\u202eb", "action=login", "ordinary characters"),
        ("wrong PASSWORDS", "action=login", "already"),
        ("Other", "nonsense=1", "can&#x27;t be kept"),
        ("Other", "ip_address=lab-3", "can&#x27;t be kept"),
    ],
)
def test_what_can_not_be_kept_says_why_and_keeps_nothing(manager, name, query, sentence):
    keep(manager)
    response = manager.post("/audit/saved?action=login", {"name": name, "query": query})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert SavedFilter.objects.count() == 1


def test_there_is_an_end_to_keeping(cast, manager):
    views = [
        SavedFilter(user_id=cast.manager.pk, name=f"View {n}", query="action=login") for n in range(MAX_SAVED_FILTERS)
    ]
    SavedFilter.objects.bulk_create(views)
    assert b"Remove one first" in keep(manager).content


def test_the_report_tells_oldest_first_what_it_stands_on(manager):
    event(resource_name="first")
    event(resource_name="second", details={"changes": {"email": ["old@lab.example", "new@lab.example"]}})
    event(resource_name="left-out", action="unlock")
    Sealer().seal()
    page = " ".join(manager.get("/audit/report?action=lock").content.decode().split())
    assert 0 < page.index("clerk locked first") < page.index("clerk locked second")
    assert "left-out" not in page
    assert "E-mail address: old@lab.example → new@lab.example" in page
    assert "action: lock" in page
    assert latest_checkpoint().note.split()[2] in page


def test_a_report_is_itself_on_record(manager):
    event()
    manager.get("/audit/report?user=clerk")
    row = AuditLog.objects.latest("id")
    assert (row.action, row.details) == ("export", {"format": "report", "filters": {"user": "clerk"}, "rows": 1})
    assert " made a report of 1 event of the audit log" in manager.get("/audit").content.decode()


def test_a_report_of_too_much_is_refused_and_not_recorded(manager):
    rows = [AuditLog(action="lock", resource="user", username="clerk") for _ in range(MAX_REPORT_ROWS + 1)]
    AuditLog.objects.bulk_create(rows)
    response = manager.get("/audit/report?user=clerk")
    assert response.status_code == 422
    page = " ".join(response.content.decode().split())
    assert "More than 2,000 events match. Choose a shorter period." in page
    assert "More than 2,000: too many" in page
    assert not AuditLog.objects.filter(action="export").exists()


def test_a_report_with_filters_that_make_no_sense_is_refused(manager):
    response = manager.get("/audit/report?ip_address=lab-3")
    assert response.status_code == 422
    assert b"Give an IP address" in response.content


def test_a_report_is_offered_for_periods_with_the_number_of_events_in_each(manager):
    now = timezone.now()
    for days in (0.1, 3, 20, 400):
        event(timestamp=now - timedelta(days=days))
    page = " ".join(manager.get("/audit/report/periods?user=clerk&page=3").content.decode().split())
    rows = dict(re.findall(r'<a href="[^"]*">([^<]*)</a> </td> <td class="number "> (\d+) </td>', page))
    assert {name: rows[name] for name in ("Last 24 hours", "Last 7 days", "Last 30 days", "The whole log")} == {
        "Last 24 hours": "1",
        "Last 7 days": "2",
        "Last 30 days": "3",
        "The whole log": "4",
    }
    assert 'href="/audit/report?user=clerk&amp;last=7d"' in page
    empty = manager.get("/audit/report/periods?user=nobody-here").content.decode()
    assert "/audit/report?" not in empty
    chosen = manager.get("/audit/report/periods?user=clerk&last=7d").content.decode()
    assert "The chosen period" in chosen
    assert manager.get("/audit/report/periods?ip_address=lab-3").status_code == 422


def test_the_choice_of_periods_is_a_dialog_over_the_list(manager):
    dialog = manager.get("/audit/report/periods", headers={"HX-Request": "true"}).content.decode()
    assert 'id="dialog-title"' in dialog
    assert "<html" not in dialog
    assert "data-dialog" in manager.get("/audit").content.decode()


def test_the_report_is_in_order_of_time_not_of_the_log(manager):
    now = timezone.now()
    event(resource_name="later", timestamp=now)
    event(resource_name="earlier", timestamp=now - timedelta(days=1))
    page = manager.get("/audit/report?user=clerk").content.decode()
    assert 0 < page.index("clerk locked earlier") < page.index("clerk locked later")
