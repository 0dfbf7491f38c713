"""Programs on the pages of people and roles: to open, to be signed out of, and opened by a role."""

import re
from html import unescape

import pytest

from reprotech.testing.client import page_client
from sso.tests.support.sign_ins import make_application, make_sign_in


def words_of(response):
    main = unescape(response.content.decode()).partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


@pytest.fixture
def programs(cast):
    make_application("Everybody's", slug="all", home_url="https://all.lab.example")
    make_application("Researchers'", "researcher", slug="res", home_url="https://res.lab.example", description="Data")
    make_application("Closed", slug="closed", home_url="https://closed.lab.example", is_active=False)
    make_application("Without address", slug="none")


@pytest.mark.parametrize(
    ("who", "expected"),
    [("viewer", ["Everybody's"]), ("researcher", ["Everybody's", "Researchers'"]), ("stranger", ["Everybody's"])],
)
def test_the_home_page_offers_the_programs_that_one_may_open(cast, programs, who, expected):
    page = unescape(page_client(getattr(cast, who)).get("/").content.decode())
    assert re.findall(r'launcher-name">([^<]+)<', page) == expected
    assert ('href="https://res.lab.example"' in page) == ("Researchers'" in expected)


def test_so_does_the_profile_of_those_whose_home_is_the_dashboard(cast, programs):
    browser = page_client(cast.manager)
    assert "launcher-name" not in browser.get("/").content.decode()
    page = unescape(browser.get("/profile/access").content.decode())
    assert re.findall(r'launcher-name">([^<]+)<', page) == ["Everybody's"]


def test_without_programs_there_is_no_word_of_them(cast):
    browser = page_client(cast.viewer)
    assert "Programs" not in words_of(browser.get("/"))
    assert "Programs" not in words_of(browser.get("/profile/sessions"))


def test_ones_own_sessions_list_the_programs_that_one_is_signed_in_to(cast, programs):
    make_sign_in(make_application("Grafana"), cast.viewer)
    make_sign_in(make_application("Nextcloud"), cast.researcher)
    browser = page_client(cast.viewer)
    page = words_of(browser.get("/profile/sessions"))
    assert "You are signed in to 1 with this account." in page
    assert "Grafana" in page
    assert "Nextcloud" not in page


def test_a_persons_page_lists_theirs(cast):
    make_sign_in(make_application("Grafana"), cast.researcher)
    page = words_of(page_client(cast.manager).get(f"/users/{cast.researcher.pk}/sessions"))
    assert "is signed in to 1 with this account." in page
    assert "Grafana" in page


def test_a_roles_page_names_the_applications_that_it_opens(cast, programs):
    browser = page_client(cast.super_admin)
    researcher, viewer = (person.roles.get() for person in (cast.researcher, cast.viewer))
    page = words_of(browser.get(f"/roles/{researcher.pk}"))
    assert "Applications that it opens 1 Researchers'" in page
    assert "Applications that it opens" not in words_of(browser.get(f"/roles/{viewer.pk}"))
