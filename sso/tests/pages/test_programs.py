"""Programs on the pages of people and roles: to open, to be signed out of, and opened by a role."""

import re
from html import unescape

import pytest

from reprotech.testing.client import page_client
from sso.models import AppSignIn
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
    mine = make_sign_in(make_application("Grafana"), cast.viewer)
    make_sign_in(make_application("Nextcloud"), cast.researcher)
    browser = page_client(cast.viewer)
    page = words_of(browser.get("/profile/sessions"))
    assert "You are signed in to 1 with this account." in page
    assert "Grafana" in page
    assert "Nextcloud" not in page
    response = browser.post(f"/profile/programs/{mine.pk}/end", follow=True)
    assert "You are signed out of Grafana." in unescape(response.content.decode())
    assert not AppSignIn.objects.valid().filter(pk=mine.pk).exists()
    assert "Programs" not in words_of(browser.get("/profile/sessions"))


def test_nobody_signs_others_out_under_their_own_profile(cast):
    theirs = make_sign_in(make_application("Grafana"), cast.researcher)
    assert page_client(cast.viewer).post(f"/profile/programs/{theirs.pk}/end").status_code == 404
    assert AppSignIn.objects.valid().filter(pk=theirs.pk).exists()


def test_administrators_sign_a_person_out_of_one_program(cast):
    one, other = (make_sign_in(make_application(name), cast.researcher) for name in ("Grafana", "Nextcloud"))
    browser = page_client(cast.admin)
    page = words_of(browser.get(f"/users/{cast.researcher.pk}/sessions"))
    assert "is signed in to 2 with this account." in page
    response = browser.post(f"/users/{cast.researcher.pk}/programs/{one.pk}/end")
    assert response.url == f"/users/{cast.researcher.pk}/sessions"
    assert [*AppSignIn.objects.valid()] == [other]
    from_application = f"/applications/{other.application_id}/sign-ins"
    assert "Sign out" in words_of(browser.get(from_application))
    assert browser.post(f"{from_application}/{other.pk}/end").url == from_application
    assert not AppSignIn.objects.valid().exists()


def test_who_may_only_read_signs_nobody_out(cast):
    sign_in = make_sign_in(make_application("Grafana"), cast.researcher)
    browser = page_client(cast.manager)
    assert "Grafana" in words_of(browser.get(f"/users/{cast.researcher.pk}/sessions"))
    assert "Sign out of it" not in words_of(browser.get(f"/users/{cast.researcher.pk}/sessions"))
    for path in (
        f"/users/{cast.researcher.pk}/programs/{sign_in.pk}/end",
        f"/applications/{sign_in.application_id}/sign-ins/{sign_in.pk}/end",
    ):
        assert browser.post(path).status_code == 403
    assert AppSignIn.objects.valid().exists()


def test_a_sign_in_is_ended_only_at_its_own_application_and_person(cast):
    sign_in = make_sign_in(make_application("Grafana"), cast.researcher)
    other = make_application("Nextcloud")
    browser = page_client(cast.super_admin)
    assert browser.post(f"/applications/{other.pk}/sign-ins/{sign_in.pk}/end").status_code == 404
    assert browser.post(f"/users/{cast.viewer.pk}/programs/{sign_in.pk}/end").status_code == 404
    assert AppSignIn.objects.valid().exists()


def test_a_roles_page_names_the_applications_that_it_opens(cast, programs):
    browser = page_client(cast.super_admin)
    researcher, viewer = (person.roles.get() for person in (cast.researcher, cast.viewer))
    page = words_of(browser.get(f"/roles/{researcher.pk}"))
    assert "Applications that it opens 1 Researchers'" in page
    assert "Applications that it opens" not in words_of(browser.get(f"/roles/{viewer.pk}"))
