"""A call with an Authorization header goes without what pages need, and gains nothing by it."""

import pytest
from django.test import Client

from reprotech.testing import Caller, page_client

ADDRESSES = ["/api/auth/me", "/api/no/such", "/api/auth/keys/null,null", "/api/docs", "/api/schema", "/api", "/metrics"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/", "/users", "/login", "/admin/", "/no/such"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("header", ["Bearer x", "Basic eDp5", "x", ""])
def test_no_address_fails_for_want_of_a_page_s_things(cast, address, method, header):
    headers = {"HTTP_AUTHORIZATION": header, "HTTP_HX_REQUEST": "true"}
    answer = getattr(Client(), method)(address, **headers)
    assert answer.status_code in {200, 302, 400, 401, 403, 404, 405, 422}, answer.content


def test_a_cookie_beside_a_token_that_is_not_good_opens_nothing(cast):
    browser = page_client(cast.super_admin)
    assert browser.get("/api/auth/me").status_code == 200
    for header in ("Bearer x", "Basic eDp5", "x", "Bearer"):
        assert browser.get("/api/auth/me", HTTP_AUTHORIZATION=header).status_code == 401
        assert browser.post("/api/roles", {"name": "x"}, HTTP_AUTHORIZATION=header).status_code == 401
    assert browser.get("/api/auth/me").status_code == 200


def test_the_token_counts_and_not_the_cookie_beside_it(cast):
    browser = page_client(cast.super_admin)
    token = Caller(cast.viewer).token
    answer = browser.get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert answer.json()["username"] == "the-viewer"
    assert browser.get("/api/users", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_its_answers_carry_the_same_protection(cast, viewer):
    """What a browser is told of them, and that nobody keeps them."""
    by_cookie = page_client(cast.viewer).get("/api/auth/me")
    by_token = viewer.get("/api/auth/me")
    differing = {"Vary", "X-Request-ID", "Content-Length", "Set-Cookie"}
    assert {name: text for name, text in by_token.headers.items() if name not in differing} == {
        name: text for name, text in by_cookie.headers.items() if name not in differing
    }
