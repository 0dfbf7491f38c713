"""Pages of other origins: which may read the API's answers, also those that are given before any view."""

import pytest
from django.test import Client

from reprotech import maintenance_mode
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller

LAB = "https://lims.example"
LOGIN = "/api/auth/login"


@pytest.fixture(autouse=True)
def lab_origin(settings, tmp_path):
    settings.CORS_ALLOWED_ORIGINS = [LAB]
    settings.MAINTENANCE_FILE = tmp_path / "maintenance.json"


def refused_host():
    return Caller().post(LOGIN, {}, HTTP_HOST="evil.example", HTTP_ORIGIN=LAB)


def too_large():
    return Caller().post(LOGIN, b" " * 1_100_000, HTTP_ORIGIN=LAB)


def without_length():
    return Caller().post(LOGIN, b"{}", HTTP_ORIGIN=LAB, CONTENT_LENGTH="many")


def in_maintenance():
    maintenance_mode.enable(maintenance_mode.Maintenance())
    return Caller().post(LOGIN, {}, HTTP_ORIGIN=LAB)


def locked_out():
    for _ in range(10):
        Caller().post(LOGIN, {"username": "the-viewer", "password": "wrong"})
    return Caller().post(LOGIN, {"username": "the-viewer", "password": PASSWORD}, HTTP_ORIGIN=LAB)


def not_there():
    return Caller().get("/api/nothing-here", HTTP_ORIGIN=LAB)


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        *[(refused_host, 400), (too_large, 413), (without_length, 400), (in_maintenance, 503), (locked_out, 429)],
        *[(not_there, 404)],
    ],
)
def test_a_refusal_can_be_read_by_an_allowed_origin(cast, ask, status):
    response = ask()
    assert response.status_code == status
    assert response["Access-Control-Allow-Origin"] == LAB
    assert "origin" in response["Vary"].lower()
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    exposed = response["Access-Control-Expose-Headers"]
    assert {"X-Request-ID", "Retry-After", "Content-Disposition", "WWW-Authenticate", "ETag"} <= set(
        exposed.split(", ")
    )


def test_another_origin_reads_none(db):
    assert "Access-Control-Allow-Origin" not in Caller().get("/api/nothing-here", HTTP_ORIGIN="https://evil.example")


def test_a_browser_that_asks_first_is_answered_under_a_known_name_alone(db):
    asks = {"HTTP_ORIGIN": LAB, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PATCH"}
    assert Client().options("/api/users/1", **asks).status_code == 200
    assert Client().options("/api/users/1", **asks, HTTP_HOST="evil.example").status_code == 400


@pytest.mark.parametrize("origins", [[], [LAB]])
def test_the_public_keys_can_be_read_by_every_origin_without_cookies(db, settings, origins):
    settings.CORS_ALLOWED_ORIGINS = origins
    response = Client().get("/.well-known/jwks.json", HTTP_ORIGIN="https://anywhere.example")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Access-Control-Allow-Credentials" not in response
