"""Signing in leads on to addresses of this site and to no other."""

import pytest

from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import page_client

ELSEWHERE = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "\thttps://evil.example/",
    "/\t/evil.example/",
    "\x00//evil.example",
    "ftp://testserver/",
    # Nor anywhere that isn't an address from the root, such as the name of a page.
    "home",
    "no-such-name",
    "admin'--",
    "?x=1",
    "http://testserver/users",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_never_leads_elsewhere(cast, client, target):
    fields = {"username": "the-viewer", "password": PASSWORD, "next": target}
    response = client.post("/login", fields)
    assert (response.status_code, response["Location"]) == (302, "/")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_in_the_address_never_leads_elsewhere(cast, target):
    response = page_client(cast.viewer).get("/login", {"next": target})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_the_form_carries_no_foreign_address(db, client):
    assert b"evil.example" not in client.get("/login", {"next": "https://evil.example/"}).content


@pytest.mark.parametrize("target", ["/password", "/admin/accounts/user/?q=a&p=2", "/#main"])
def test_next_leads_on_within_the_site(cast, client, target):
    fields = {"username": "the-viewer", "password": PASSWORD, "next": target}
    assert client.post("/login", fields)["Location"] == target
