"""The audit log's pages: the list with its filters, an event, the export."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.users import services as user_services
from audit.models import AuditLog
from reprotech.testing.cast import NOBODY, make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.web.streaming import escape_formula, unescape_formula

HTMX = {"HX-Request": "true"}


def event(name="newuser", **fields):
    return AuditLog.objects.create(
        **{"username": "clerk", "action": "lock", "resource": "user", "resource_name": name, **fields}
    )


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return " ".join(response.content.decode().split())


def sentences(page):
    """The list's rows."""
    cells = re.findall(r'<td class="event-sentence">(.*?)</td>', page)
    return [re.sub(r"<svg.*?</svg>|<[^>]*>", "", cell).strip() for cell in cells]


@pytest.fixture
def manager(cast):
    """Who may read the log and export it, and little else."""
    return page_client(cast.manager)


def test_the_list_tells_what_happened_newest_first(cast, manager):
    user = make_user("newuser")
    user_services.update_user(actor=cast.admin, user_id=user.pk, roles=["veterinarian"])
    page = text_of(manager.get("/audit"))
    assert sentences(page)[0] == "the-admin gave newuser the role Veterinarian"
    assert page.count("<html") == 1


def test_htmx_gets_the_list_alone_and_its_history_the_whole_page(manager):
    fragment = text_of(manager.get("/audit", headers=HTMX))
    assert fragment.lstrip().startswith('<section id="events"')
    whole = text_of(manager.get("/audit", headers=HTMX | {"HX-History-Restore-Request": "true"}))
    assert "<html" in whole
    assert '<section id="events"' in whole


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("user=CLERK&outcome=failure", ["two"]),
        ("action=delete", ["three"]),
        ("resource=role&user=clerk", ["three"]),
        ("ip_address=192.0.2.7", ["one"]),
        ("request_id=abc-1", ["two", "one"]),
        ("session=11111111-1111-4111-8111-111111111111", ["three"]),
        ("resource=role&resource_id=7&user=clerk", ["three"]),
        ("user=clerk&action=&resource=&outcome=&ip_address=&from=&to=&page=1", ["three", "two", "one"]),
    ],
)
def test_filters_narrow_the_list_and_stay_in_the_form(cast, manager, query, names):
    event("one", ip_address="192.0.2.7", request_id="abc-1")
    event("two", success=False, request_id="abc-1")
    event("three", action="delete", resource="role", resource_id="7", session_id="11111111-1111-4111-8111-111111111111")
    page = text_of(manager.get(f"/audit?{query}"))
    found = [next(name for name in ("one", "two", "three") if f" {name}" in row) for row in sentences(page)]
    assert found == names
    first, _, value = query.partition("&")[0].partition("=")
    assert f'value="{value}"' in page or f'<option value="{value}" selected' in page, first


def test_a_filter_set_by_a_link_is_named_kept_and_can_be_dropped(manager):
    event(request_id="abc-1")
    page = text_of(manager.get("/audit?request_id=abc-1&user=clerk&page=1"))
    assert '<input type="hidden" name="request_id" value="abc-1">' in page
    assert 'href="/audit?user=clerk"' in page


def test_nothing_found_is_said_with_a_way_out(manager):
    page = text_of(manager.get("/audit?user=nobody-here"))
    assert "No event matches these filters." in page
    assert "Show all events" in page


def test_a_page_past_the_end_leads_back(manager):
    assert "Go to the first page" in text_of(manager.get("/audit?page=9999"))


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("ip_address=lab-3", "Give an IP address such as 192.0.2.1"),
        ("from=yesterday", "Give a date or time such as"),
        ("last=1y", "<strong>Period:</strong> Give one of: 15m, 24h, 7d, 30d."),
        ("session=x", "<strong>Session:</strong> Give a session&#x27;s id"),
        ("outcome=maybe", "Give one of: success, failure."),
        ("color=red", "<strong>Color:</strong> There is no such parameter."),
        ("user=a&user=b", "Give it once only."),
        ("page=0", "Give a whole number of at least 1."),
    ],
)
def test_a_filter_that_makes_no_sense_is_explained(manager, query, sentence, headers):
    page = text_of(manager.get(f"/audit?{query}", headers=headers), 422)
    assert page.count(sentence) == 1
    # A list that is shown already stays as it is.
    assert ("Show all events" in page) == (not headers)


def test_a_wrong_filter_leaves_the_list_and_its_address_as_they_were(manager):
    response = manager.get("/audit?from=yesterday", headers={**HTMX, "HX-Target": "events"})
    assert response.status_code == 422
    headers = {name: response[name] for name in ("HX-Retarget", "HX-Reswap", "HX-Push-Url")}
    assert headers == {"HX-Retarget": "#filter-errors", "HX-Reswap": "outerHTML", "HX-Push-Url": "false"}
    assert 'data-error-of="from"' in text_of(response, 422)


def test_names_lead_to_their_pages_for_those_who_may_open_them(cast, manager):
    event("the-viewer", username="the-admin", user_id=cast.admin.pk, resource_id=str(cast.viewer.pk))
    links = [f'href="/users/{cast.admin.pk}">the-admin</a>', f'href="/users/{cast.viewer.pk}">the-viewer</a>']
    assert all(link in text_of(manager.get("/audit?user=the-admin")) for link in links)
    role = cast.manager.roles.get()
    role.permissions.set(role.permissions.exclude(name="user_read"))
    page = text_of(page_client(cast.manager).get("/audit?user=the-admin"))
    assert not any(link in page for link in links)
    assert "<strong>the-admin</strong> locked <strong>the-viewer</strong>" in page


def test_only_failures_are_marked(manager):
    event("one")
    assert "Failed</span>" not in text_of(manager.get("/audit?user=clerk"))
    event("two", success=False)
    assert text_of(manager.get("/audit?user=clerk")).count("Failed</span>") == 1


def test_rows_stand_under_their_days(manager):
    now = timezone.now().replace(hour=12)
    for days in (400, 1, 0):
        event(f"day{days}", timestamp=now - timedelta(days=days))
    page = text_of(manager.get("/audit?user=clerk"))
    headings = re.findall(r'scope="rowgroup">([^<]*)<', page)
    old = (now - timedelta(days=400)).date()
    assert headings == ["Today", "Yesterday", f"{old:%A} {old.day} {old:%B} {old.year}"]


def test_a_period_is_a_link_that_keeps_the_other_filters(manager):
    page = text_of(manager.get("/audit?action=login&last=24h&page=2"))
    assert '<a href="/audit?action=login&amp;last=7d" >7 days</a>' in page
    assert '<a href="/audit?action=login&amp;last=24h" aria-current="true">24 h</a>' in page
    assert '<input type="hidden" name="last" value="24h">' in page
    assert "hx-swap-oob" not in page
    update = text_of(manager.get("/audit?action=lock&last=24h", headers=HTMX))
    assert 'hx-swap-oob="true"' in update
    assert 'href="/audit?action=lock&amp;last=7d"' in update


def test_usernames_are_suggested_to_those_who_may_read_users(cast, manager):
    assert '<option value="the-viewer">' in text_of(manager.get("/audit/users?user_contains=view"))
    assert text_of(manager.get("/audit/users?user_contains=")) == ""
    role = cast.manager.roles.get()
    role.permissions.set(role.permissions.exclude(name="user_read"))
    assert "<option" not in text_of(page_client(cast.manager).get("/audit/users?user_contains=view"))


def test_what_was_typed_wrongly_is_kept_to_be_corrected(manager):
    page = text_of(manager.get('/audit?ip_address=lab-3&user="><b>&action=dance'), 422)
    assert 'value="lab-3"' in page
    assert 'value="&quot;&gt;&lt;b&gt;"' in page
    assert '<option value="dance" selected>' in page


def test_the_list_costs_the_same_at_3_events_and_at_100(cast, manager):
    costs = []
    for number in (3, 97):
        AuditLog.objects.bulk_create(AuditLog(username="x", action="lock", resource="user") for _ in range(number))
        with CaptureQueriesContext(connection) as captured:
            text_of(manager.get("/audit?per_page=100&user=x"))
        costs.append(len(captured))
    assert costs[0] == costs[1] > 0


def test_an_event_has_a_page_with_what_changed_and_where_to_go_from_there(cast):
    admin = Caller(cast.admin)
    answer = admin.patch(f"/api/users/{cast.viewer.pk}", {"first_name": "<Name>"[1:5], "is_active": False})
    assert answer.status_code == 200
    row = AuditLog.objects.get(action="update", username="the-admin")
    page = text_of(page_client(cast.super_admin).get(f"/audit/{row.pk}"))
    assert "the-admin changed the first name and status of the user the-viewer" in page
    assert "<ins>Name</ins>" in page
    assert "<del>Active</del>" in page
    assert f'href="/users/{cast.admin.pk}"' in page
    assert f'href="/users/{cast.viewer.pk}"' in page
    assert f'href="/audit?request_id={row.request_id}"' in page
    assert f'href="/audit?session={admin.signed_in.session.pk}"' in page
    assert "&quot;first_name&quot;: [" in page


def test_an_event_of_any_shape_has_a_page(cast, manager):
    strange = event(
        username="", details={"changes": 7, "note": "<script>" * 50}, resource_name="x" * 254, success=False
    )
    page = text_of(manager.get(f"/audit/{strange.pk}"))
    assert "<script>" * 2 not in page
    assert "x" * 254 in page


@pytest.mark.parametrize("path", [f"/audit/{NOBODY}", "/audit/0", "/audit/" + "9" * 30, "/audit/x"])
def test_an_event_that_is_not_there_is_404(manager, path):
    assert manager.get(path).status_code == 404


def test_everything_of_a_request_and_of_a_session_carries_their_ids(cast):
    admin = Caller(cast.admin)
    answer = admin.patch(f"/api/users/{cast.viewer.pk}", {"first_name": "Name", "roles": ["manager"]})
    rows = AuditLog.objects.filter(request_id=answer["X-Request-ID"])
    assert {row.action for row in rows} == {"update", "role_assign", "role_revoke"}
    assert {row.session_id for row in rows} == {admin.signed_in.session.pk}
    browser = page_client(cast.researcher)
    browser.get("/audit")
    denied, login = AuditLog.objects.filter(username="the-researcher").order_by("-id")[:2]
    assert (denied.action, login.action) == ("access_denied", "login")
    assert denied.session_id == login.session_id is not None


@pytest.mark.parametrize(
    "query", ["session=11111111-1111-4111-8111-111111111111", "request_id=abc-1", "resource_id=77"]
)
def test_the_api_takes_the_same_filters(cast, super_admin, query):
    event(session_id="11111111-1111-4111-8111-111111111111", request_id="abc-1", resource_id="77")
    assert super_admin.get(f"/api/audit?{query}").json()["total"] == 1


def test_a_wrong_session_is_named_by_the_api(super_admin):
    assert list(error_of(super_admin.get("/api/audit?session=x"))["errors"]) == ["session"]


def body_of(response):
    assert response.status_code == 200, response.content
    assert response.streaming
    return b"".join(response.streaming_content).decode()


EXPORTS = ["/api/audit/export", "/api/audit/export/", "/audit/export"]


@pytest.mark.parametrize("path", EXPORTS)
def test_an_export_holds_what_the_filters_let_through_newest_first_and_not_itself(cast, path):
    for name in ("one", "two", "=cmd()"):
        event(name)
    response = page_client(cast.manager).get(f"{path}?format=csv&user=clerk")
    rows = list(csv.DictReader(io.StringIO(body_of(response))))
    assert [row["resource_name"] for row in rows] == ["'=cmd()", "two", "one"]
    assert rows[0]["success"] == "true"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="audit-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"])
    record = AuditLog.objects.latest("id")
    assert (record.action, record.resource, record.username) == ("export", "audit", "the-manager")
    assert record.details == {"format": "csv", "filters": {"user": "clerk"}, "rows": 3}


def test_lines_of_json_are_what_the_api_shows(cast, super_admin):
    event(
        ip_address="192.0.2.7", session_id="11111111-1111-4111-8111-111111111111", details={"changes": {"a": [1, "ü"]}}
    )
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    shown = super_admin.get("/api/audit?per_page=100").json()["logs"]
    lines = body_of(super_admin.get("/api/audit/export?format=jsonl")).splitlines()
    assert [json.loads(line) for line in lines] == shown


def test_an_export_reads_in_chunks_and_misses_nothing(cast, super_admin, monkeypatch):
    AuditLog.objects.bulk_create(AuditLog(username="x", action="lock", resource="user") for _ in range(4100))
    response = super_admin.get("/api/audit/export?format=jsonl&user=x")
    with CaptureQueriesContext(connection) as captured:
        ids = [json.loads(line)["id"] for line in body_of(response).splitlines()]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4100
    assert len(captured) == 3


def test_an_empty_export_is_a_header(super_admin):
    assert body_of(super_admin.get("/api/audit/export?user=nobody-here")).startswith("id,timestamp,user,")


def test_an_export_that_cannot_be_understood_is_refused(cast, manager, super_admin):
    assert list(error_of(super_admin.get("/api/audit/export?format=xml&page=1"))["errors"]) == ["page", "format"]
    assert "Export not possible" in text_of(manager.get("/audit/export?format=xml"), 422)
    assert not AuditLog.objects.filter(action="export").exists()


def test_who_may_read_but_not_export_sees_no_button(cast, manager):
    assert "/audit/export" in text_of(manager.get("/audit"))
    role = cast.manager.roles.get()
    role.permissions.set(role.permissions.exclude(name="audit_export"))
    reader = page_client(cast.manager)
    assert "/audit/export" not in text_of(reader.get("/audit"))
    assert reader.get("/audit/export").status_code == 403


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "'=1", "''=x", "\uff1d1", "-", "\n+"]
)
def test_a_cell_that_a_spreadsheet_takes_for_a_formula_is_made_text_and_back(cell):
    assert escape_formula(cell) == f"'{cell}"
    assert unescape_formula(escape_formula(cell)) == cell


@pytest.mark.parametrize("cell", ["anna", "a=b", "'quoted'", "", "o'neil", -5, None, 1.5])
def test_other_cells_stay_as_they_are(cell):
    assert escape_formula(cell) == cell
    assert not isinstance(cell, str) or unescape_formula(cell) == cell


def test_the_day_of_a_filter_is_the_whole_day(cast, manager):
    yesterday = timezone.now() - timedelta(days=1)
    event("yesterday", timestamp=yesterday)
    day = yesterday.date()
    page = text_of(manager.get(f"/audit?from={day}&to={day}&user=clerk"))
    assert sentences(page) == ["clerk locked yesterday"]
    assert f'name="from" value="{day}"' in page


def test_what_is_wrong_with_a_filter_stands_beside_its_field(manager):
    page = text_of(manager.get("/audit?ip_address=lab-3&from=2030-01-31"), 422)
    address = page[page.index('<input id="id_ip_address"') :]
    assert 'value="lab-3"' in address
    assert 'aria-invalid="true" aria-describedby="id_ip_address_error"' in address.partition(">")[0]
    assert re.search(r'id="id_ip_address_error"[^>]*>Give an IP address', address)
    day = page[page.index('<input id="id_from"') :]
    assert 'aria-invalid="false"' in day.partition(">")[0]
    assert re.search(r'id="id_from_error"[^>]*></p>', day)
