"""From a person's page to the next one of the list that it was opened from."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

#: Of which the first page has twelve.
LIST = "search=walker&sort=-username&per_page=12"


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


@pytest.fixture
def walkers(cast):
    """In the order of the list."""
    return [make_user(f"walker-{number:02}") for number in range(30)][::-1]


def text_of(response):
    return unescape(" ".join(response.content.decode().split()))


def path_of(person, query=LIST, tab=""):
    return f"/users/{person.pk}{tab}?{urlencode({'list': query})}"


def links(page):
    """The addresses by `rel`, of what leads to other people."""
    place = re.search(r'<nav class="person-place".*?</nav>', page)
    return dict(re.findall(r'rel="(\w+)" href="([^"]+)"', place[0])) if place else {}


def test_the_list_is_walked_from_end_to_end_over_its_pages(browser, walkers):
    seen, address = [], path_of(walkers[0])
    while address:
        page = text_of(browser.get(address))
        seen.append(int(re.search(r"/users/(\d+)", address)[1]))
        assert f"{len(seen)} of 30" in page
        address = links(page).get("next")
    assert seen == [person.pk for person in walkers]
    backwards = links(text_of(browser.get(path_of(walkers[12], LIST + "&page=2"))))
    assert backwards["prev"] == path_of(walkers[11], LIST + "&page=1")


def test_the_rows_of_the_list_say_which_list_it_is(browser, walkers):
    page = text_of(browser.get(f"/users?{LIST}"))
    assert path_of(walkers[0]) in page
    assert "?list=page%3D1" in text_of(browser.get("/users"))


@pytest.mark.parametrize("tab", ["/access", "/sessions", "/keys", "/activity"])
def test_one_stays_on_the_tab_and_the_tabs_keep_the_list(browser, walkers, tab):
    page = text_of(browser.get(path_of(walkers[3], tab=tab)))
    assert links(page) == {
        "prev": path_of(walkers[2], LIST + "&page=1", tab),
        "next": path_of(walkers[4], LIST + "&page=1", tab),
    }
    assert f'href="{path_of(walkers[3], tab="/access")}"' in page
    assert f'href="/users?{LIST}"' in page


def test_what_is_done_on_the_page_leads_back_to_it(browser, walkers):
    person = walkers[3]
    fields = {"roles": ["viewer"], "list": LIST}
    assert browser.post(f"/users/{person.pk}/roles", fields).url == path_of(person, tab="/access")
    assert urlencode({"next": path_of(person)}) in text_of(browser.get(path_of(person)))


@pytest.mark.parametrize("query", ["", "status=nonsense", "page=9", "search=nobody", "x=1", "%00", "a" * 2001])
def test_without_a_list_that_has_the_person_there_is_nowhere_to_go_on_to(browser, walkers, query):
    response = browser.get(path_of(walkers[0], query))
    assert response.status_code == 200
    assert links(text_of(response)) == {}


def test_a_list_is_never_markup(browser, walkers):
    page = browser.get(path_of(walkers[0], '"><script>alert(1)</script>')).content.decode()
    assert "<script>alert" not in page


def test_it_costs_the_same_among_few_as_among_many(browser, walkers):
    address = path_of(walkers[12], LIST + "&page=2")  # the first of a page: both pages are read
    browser.get(address)
    costs = []
    for number in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert links(text_of(browser.get(address))).keys() == {"prev", "next"}
        costs.append(len(captured))
        for other in range(20):
            make_user(f"walker-0{number}-{other}")
    assert costs[0] == costs[1] <= 17
