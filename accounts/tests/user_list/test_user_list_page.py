"""The list of users: filters, order, pages, menus and the export, as a page and as a fragment."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import ApiKey, User
from accounts.users.services import delete_user, lock_user
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import page_client

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return " ".join(response.content.decode().split())


def names_in(response):
    return re.findall(r"Select ([\w.-]+)</span>", text_of(response))


def test_the_page_holds_the_fragment_that_htmx_gets(browser):
    page, part = browser.get("/users?search=viewer"), browser.get("/users?search=viewer", headers=HTMX)
    assert text_of(part).lstrip().startswith('<section id="users"')
    assert "<html" not in text_of(part)
    assert names_in(part) == names_in(page) == ["the-viewer"]
    assert "HX-Request" in page["Vary"]


@pytest.mark.parametrize("header", ["HX-History-Restore-Request", "HX-Boosted"])
def test_going_back_and_boosted_visits_get_the_whole_page(browser, header):
    assert "<html" in text_of(browser.get("/users", headers={**HTMX, header: "true"}))


def test_each_filter_narrows_the_list_and_stays_in_the_form(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    response = browser.get("/users?search=the-&role=viewer&status=locked&per_page=10")
    assert names_in(response) == ["the-viewer"]
    page = text_of(response)
    assert 'value="the-"' in page
    kept = '<input type="hidden" name="per_page" value="10" form="users-filters">'
    for chosen in ('value="viewer" selected', 'value="locked" selected', kept):
        assert chosen in page
    assert names_in(browser.get("/users?role=viewer&status=active")) == []


def test_the_order_is_kept_while_one_filters(browser):
    response = browser.get("/users?sort=-username")
    assert names_in(response) == sorted(names_in(response), reverse=True)
    assert '<input type="hidden" name="sort" value="-username" form="users-filters">' in text_of(response)
    assert 'aria-sort="descending"' in text_of(response)


def test_nobody_found_is_said_with_a_way_out(browser):
    page = text_of(browser.get("/users?search=no-such-person"))
    assert "Nobody matches these filters." in page
    assert "Show all users" in page


def test_a_page_past_the_end_leads_back(browser):
    assert "There is nobody on this page any more." in text_of(browser.get("/users?page=99"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=asleep", "Give one of: active, inactive, locked, invited, "),
        ("sort=shoe-size", "Sort by one of:"),
        ("per_page=1000", "Give a whole number from 1 to 100."),
        ("page=-1", "Give a whole number of at least 1."),
        ("colour=red", "There is no such parameter."),
        ("role=a&role=b", "Give it once only."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_filter_that_makes_no_sense_is_explained(browser, query, sentence, headers):
    response = browser.get(f"/users?{query}", headers=headers)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert "Show all users" in text_of(response)


def test_an_unknown_role_finds_nobody_and_stays_visible(browser):
    page = text_of(browser.get("/users?role=king"))
    assert "king (unknown)" in page
    assert "Nobody matches these filters." in page


def test_deleted_users_are_not_listed(cast, browser):
    delete_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert "the-viewer" not in names_in(browser.get("/users"))


def menu_of(response, name):
    row = re.search(rf"Select {name}</span>.*?</tr>", text_of(response), re.DOTALL)[0]
    return set(re.findall(r"/users/\d+/([a-z-]+)\?", row))


def test_a_menu_offers_what_the_reader_may_do(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.researcher.pk)
    response = browser.get("/users")
    assert menu_of(response, "the-viewer") == {"edit", "reset-password", "lock", "deactivate", "delete"}
    assert "unlock" in menu_of(response, "the-researcher")
    assert menu_of(response, "the-admin") == {"edit"}
    assert menu_of(response, "the-super_admin") == set()


def test_a_reader_who_may_only_read_sees_no_way_to_change(cast):
    page = text_of(page_client(cast.manager).get("/users"))
    for address in ("/users/new", "/users/import", "/users/selected/activate", "/edit", "/lock"):
        assert address not in page
    assert "/users/selected/export" in page


def test_a_menu_leads_back_to_the_same_list(browser):
    assert "/lock?next=%2Fusers%3Fsearch%3Dviewer%26page%3D1" in text_of(browser.get("/users?search=viewer&page=1"))


def test_the_list_costs_the_same_at_3_rows_and_at_60(cast, browser):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/users?per_page=100").status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(50):
        make_user(f"clerk-{number}", "viewer", "researcher", password=None)
    assert queries() == few


def test_the_export_has_the_same_filters_and_is_on_record(cast, browser):
    with audit_rows() as rows:
        response = browser.get("/users/export?role=viewer")
        lines = b"".join(response.streaming_content).decode().splitlines()
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    head = "\ufeffusername,email,first_name,last_name,roles,is_active,status,last_login,created_at,starts_at,ends_at"
    assert lines[0] == head
    assert [line.split(",")[0] for line in lines[1:]] == ["the-viewer"]
    [row] = rows
    assert (row.action, row.resource, row.username) == ("export", "user", "the-admin")
    assert row.details == {"format": "csv", "filters": {"role": "viewer"}, "rows": 1}


def test_an_export_with_a_senseless_filter_is_explained_and_not_recorded(browser):
    response = browser.get("/users/export?status=asleep")
    assert response.status_code == 400
    assert "Give one of: active, inactive, locked, invited, " in text_of(response)
    assert not AuditLog.objects.filter(action="export").exists()


@pytest.fixture
def forgotten(cast):
    """Two dormant people, one of whom never signed in, and accounts that are none."""
    now = timezone.now()
    moments = {
        "slept": {"last_login": now - timedelta(days=91)},
        "never-came": {"last_login": None, "created_at": now - timedelta(days=91)},
        "awake": {"last_login": now - timedelta(days=89)},
        "just-made": {"last_login": None},
        "left": {"last_login": now - timedelta(days=400), "is_active": False},
    }
    with explicitly_recorded():
        for name, fields in moments.items():
            User.objects.filter(pk=make_user(name, "viewer").pk).update(**fields)
        make_user("script", is_service=True, password=None)
        User.objects.filter(username="script").update(created_at=now - timedelta(days=91))


def test_dormant_accounts_are_listed(browser, forgotten):
    response = browser.get("/users?attention=dormant")
    assert sorted(names_in(response)) == ["never-came", "slept"]
    assert '<option value="dormant" selected>No sign-in for 90 days</option>' in text_of(response)
    assert 'name="attention"' not in text_of(browser.get("/users"))


def test_accounts_whose_key_ends_soon_are_listed(cast, browser):
    keys = {"soon": (cast.viewer, 13), "later": (cast.manager, 20), "over": (cast.researcher, -1)}
    with explicitly_recorded():
        for name, (user, days) in keys.items():
            expires_at = timezone.now() + timedelta(days=days)
            ApiKey.objects.create(user=user, name=name, prefix=name, secret_hash=name, expires_at=expires_at)
    assert names_in(browser.get("/users?attention=key_ending")) == ["the-viewer"]
    with explicitly_recorded():
        ApiKey.objects.update(revoked_at=timezone.now())
    assert names_in(browser.get("/users?attention=key_ending")) == []


def test_what_deserves_no_attention_is_refused(browser):
    assert browser.get("/users?attention=everything").status_code == 422
