"""People are told for which program they sign in."""

import pytest
from django.test import Client

from reprotech.testing.cast import PASSWORD
from sso.provider.destinations import program_name

pytestmark = pytest.mark.django_db


def test_the_pages_on_the_way_name_the_program(program):
    target = program.address()
    browser = Client()
    assert "To continue to Grafana" in browser.get("/login", {"next": target}).content.decode()
    sent = {"username": "the-viewer", "password": PASSWORD, "next": target}
    assert "Going on to Grafana" in browser.post("/login", sent).content.decode()


@pytest.mark.parametrize(
    "target",
    [
        *("/profile", "/oauth/authorize", "/oauth/authorize?client_id=", "/oauth/authorize?client_id=app_nothing"),
        *("/oauth/authorize?client_id=%00", "/oauth/authorize?client_id=%FF", "/oauth/logout?client_id=x", "//["),
        "/oauth/authorize?client_id=a&client_id=b",
    ],
)
def test_what_leads_to_no_program_has_no_name(program, target):
    assert program_name(target) == ""


def test_a_page_without_a_program_asks_for_none(client, db, django_assert_max_num_queries):
    with django_assert_max_num_queries(0):
        page = client.get("/login", {"next": "/profile"}).content.decode()
    assert "To continue to" not in page
