"""The list of applications: what it shows, to whom, and how it is searched, filtered and sorted."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client
from sso.ending.services import end_lost_sign_ins
from sso.models.applications import MAX_COUNTED
from sso.tests.support.sign_ins import make_application, make_sign_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(cast):
    return page_client(cast.super_admin)


def text_of(response):
    return response.content.decode()


def names(page):
    return re.findall(r'class="row-link" href="/applications/\d+">([^<]+)<', page)


def row_of(page, name):
    """The table's row of an application, in words."""
    row = next(row for row in page.split("<tr")[1:] if f">{name}</a>" in row)
    return " ".join(re.sub(r"<[^>]+>", " ", f"<{row}").split())


def test_without_any_it_says_what_applications_are_and_offers_to_add_one(browser, cast):
    page = text_of(browser.get("/applications"))
    assert "One sign-in for all the lab&#x27;s programs" in page or "One sign-in for all the lab's programs" in page
    assert page.count('href="/applications/new"') == 1
    reader = text_of(page_client(cast.manager).get("/applications"))
    assert "One sign-in" in reader
    assert "/applications/new" not in reader


def test_very_many_are_shown_as_so_many_or_more(cast):
    application = make_application("Grafana")
    for count, text in ((0, "0"), (999, "999"), (MAX_COUNTED, "1,000+")):
        application.sign_in_count = count
        assert application.sign_in_count_text == text


def test_it_shows_who_may_open_each_and_who_is_signed_in(browser, cast):
    grafana = make_application("Grafana", "researcher", description="Dashboards")
    make_application("Nextcloud", kind="public", is_active=False)
    for person in (cast.researcher, make_user("second", "researcher")):
        make_sign_in(grafana, person)
    make_sign_in(grafana, cast.researcher)
    make_sign_in(grafana, cast.viewer)  # whom no role of theirs lets in any more
    end_lost_sign_ins()  # as a server does every second
    page = text_of(browser.get("/applications"))
    assert names(page) == ["Grafana", "Nextcloud"]
    row = row_of(page, "Grafana")
    assert "Dashboards" in row
    assert "Server program Researcher 2" in row
    assert "Active" in row
    row = row_of(page, "Nextcloud")
    assert "Browser or desktop Everybody 0 Never Inactive" in row


def test_an_application_whose_roles_were_deleted_is_open_to_nobody(browser):
    application = make_application("Grafana", "researcher")
    application.roles.clear()
    assert "Nobody" in row_of(text_of(browser.get("/applications")), "Grafana")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["eLab", "Grafana", "Nextcloud"]),
        ("?search=GRAF", ["Grafana"]),
        ("?search=notebook", ["eLab"]),
        ("?search=%25", []),
        ("?kind=public", ["Nextcloud"]),
        ("?status=inactive", ["eLab"]),
        ("?role=researcher", ["Grafana"]),
        ("?role=Researcher&status=inactive", []),
        ("?role=nobody-s", []),
        ("?sort=-name", ["Nextcloud", "Grafana", "eLab"]),
        ("?sort=-last_sign_in", ["Nextcloud", "Grafana", "eLab"]),
        ("?sort=people", ["Grafana", "eLab", "Nextcloud"]),
        ("?per_page=1&page=2", ["Grafana"]),
    ],
)
def test_it_is_searched_filtered_sorted_and_paged(browser, cast, query, expected):
    make_application("Grafana", "researcher")
    make_application("eLab", is_active=False, description="A notebook")
    make_sign_in(make_application("Nextcloud", kind="public"), cast.viewer)
    assert names(text_of(browser.get(f"/applications{query}"))) == expected


def test_filters_in_use_are_chips_and_wrong_ones_are_explained(browser):
    make_application("Grafana", "researcher")
    page = text_of(browser.get("/applications?role=researcher&search=graf"))
    assert "Remove the filter Opened by: Researcher" in page or "Remove the filter Role: Researcher" in page
    assert 'href="/applications?search=graf"' in page
    response = browser.get("/applications?status=asleep&sort=colour&page=0")
    assert response.status_code == 422
    assert "The list can&#x27;t be shown like this" in text_of(response) or "can't be shown" in text_of(response)
    assert browser.get("/applications?colour=red").status_code == 422


def test_htmx_gets_the_list_alone(browser):
    make_application("Grafana")
    fragment = text_of(browser.get("/applications", headers=HTMX))
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment


def test_names_are_never_markup(browser):
    make_application("<b>Bold</b>", slug="bold", description="<i>italic</i>")
    page = text_of(browser.get("/applications"))
    assert "<b>Bold" not in page
    assert "<i>italic" not in page


def test_a_list_costs_the_same_at_3_rows_and_at_60(browser, cast):
    """All in one test, as to make the rows takes longest."""
    first = make_application("Grafana", "researcher", "viewer")
    people = [make_user(f"person-{n}", "researcher") for n in range(20)]
    paths = [
        path.format(pk=first.pk)
        for path in ("/applications", "/applications/{pk}/sign-ins", "/applications/{pk}/permissions")
    ]

    def cost(path):
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path + "?per_page=100").status_code in {200, 422}
            assert browser.get(path).status_code == 200
        return len(captured)

    def costs():
        return {path: (cost(path), cost(path))[1] for path in paths}  # the first reads what is read once for a process

    for n in range(3):
        make_sign_in(make_application(f"Program {n}", "researcher", slug=f"p{n}"), people[n])
        make_sign_in(first, people[n])
    few = costs()
    for n in range(3, 60):
        make_sign_in(make_application(f"Program {n}", "researcher", slug=f"p{n}"), people[n % 20])
        make_sign_in(first, people[n % 20], created_at=timezone.now())
    assert costs() == few
