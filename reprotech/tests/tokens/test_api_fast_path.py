"""The short way of calls with a token: to the API alone, and with nothing left out that any answer has."""

import pytest
from django.test import Client

from reprotech.middleware import api_fast_path
from reprotech.testing.client import page_client

HEADERS = (
    "Cache-Control",
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
)


def test_both_ways_end_in_the_same_headers(cast, viewer):
    short, long = viewer.get("/api/auth/me"), page_client(cast.viewer).get("/api/auth/me")
    assert (short.status_code, long.status_code) == (200, 200)
    assert {name: short[name] for name in HEADERS} == {name: long[name] for name in HEADERS}
    assert short.json()["username"] == long.json()["username"] == "the-viewer"


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/users", "/api/roles", "/api/users/0"])
def test_an_answer_tells_its_length(super_admin, path):
    response = super_admin.get(path)
    assert response["Content-Length"] == str(len(response.content))


def test_an_answer_that_has_no_end_yet_tells_none(super_admin):
    response = super_admin.get("/api/audit/export?format=csv")
    assert response.streaming
    assert "Content-Length" not in response


@pytest.mark.parametrize("path", ["/", "/users", "/admin/", "/login", "/api/docs"])
def test_a_page_is_answered_as_without_a_token(viewer, path):
    with_token, without = viewer.get(path), Client().get(path)
    assert (with_token.status_code, with_token.headers.get("Location")) == (
        without.status_code,
        without.headers.get("Location"),
    )


def test_who_acts_is_whom_the_token_names_whatever_the_cookie_says(cast, viewer):
    browser = page_client(cast.super_admin)
    headers = {"authorization": f"Bearer {viewer.token}"}
    assert browser.get("/api/auth/me", headers=headers).json()["username"] == "the-viewer"
    assert browser.get("/api/users", headers=headers).status_code == 403
    assert browser.get("/api/auth/me", headers={"authorization": "Bearer none"}).status_code == 401


def test_addresses_that_callers_make_up_do_not_fill_the_memory():
    for number in range(api_fast_path.MAX_CACHED_PATHS + 3):
        api_fast_path._match(f"/api/users/{number}")
    assert api_fast_path._match.cache_info().currsize == api_fast_path.MAX_CACHED_PATHS


def test_what_fails_under_way_is_a_plain_error_of_ours(viewer, monkeypatch):
    def fail(_path):
        raise RuntimeError("secret")

    monkeypatch.setattr(api_fast_path, "_match", fail)
    client = Client(raise_request_exception=False)
    response = client.get("/api/auth/me", headers={"authorization": f"Bearer {viewer.token}"})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert b"secret" not in response.content
    assert response["Cache-Control"] == "no-store, private"
