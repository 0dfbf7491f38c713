"""Orchestrators and scrapers: they come by address and over plain HTTP, and must learn when not to send anyone."""

import pytest
from django.db import connection
from django.test import Client

from reprotech.testing.client import Caller

PROBES = ["/api/health", "/api/health/live", "/api/health/ready"]


@pytest.fixture
def plain_http(settings):
    """As in production behind TLS: a client that comes without it, by an address that is no name of the server."""
    settings.SECURE_SSL_REDIRECT = True
    return Client(HTTP_HOST="10.1.2.3:5001", REMOTE_ADDR="10.1.2.9")


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_by_address_and_without_tls(db, plain_http, path):
    assert plain_http.get(path).status_code == 200


def test_a_scraper_with_the_token_is_answered_by_address_and_without_tls(db, plain_http, settings):
    settings.METRICS_TOKEN = "scrape-me"
    assert plain_http.get("/metrics", HTTP_AUTHORIZATION="Bearer scrape-me").status_code == 200
    assert plain_http.get("/metrics").status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:5001", "[::1]:5001", "10.1.2.3"])
def test_without_a_token_metrics_answer_this_machine_by_any_address_and_nobody_else(db, settings, host):
    settings.ALLOWED_HOSTS = ["reprotech.example"]
    assert Caller(address="127.0.0.1").get("/metrics", HTTP_HOST=host).status_code == 200
    assert Caller(address="10.1.2.9").get("/metrics", HTTP_HOST=host).status_code == 403


@pytest.mark.parametrize("path", [*PROBES, "/metrics"])
@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.evil.example", "127.0.0.1:5001@evil.example", "[::1"])
def test_no_foreign_name_reaches_them(db, settings, path, host):
    settings.ALLOWED_HOSTS = ["reprotech.example"]
    assert Caller(address="127.0.0.1").get(path, HTTP_HOST=host).status_code == 400


@pytest.mark.parametrize("path", ["/login", "/api/health/other", "/api/users", "/api/healthy"])
def test_everything_else_keeps_to_its_names(db, plain_http, path):
    assert plain_http.get(path).status_code == 400


def without_host(method, path, protocol="HTTP/1.0"):
    """What HAProxy's plain `option httpchk` sends, as servers pass it on."""
    return Client(raise_request_exception=False).generic(method, path, HTTP_HOST="", SERVER_PROTOCOL=protocol)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1"])
@pytest.mark.parametrize("path", [*PROBES, *(f"{path}/" for path in PROBES)])
def test_http_1_0_without_a_host_is_told_of_health(db, plain_http, method, protocol, path):
    assert without_host(method, path, protocol).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/login", "/metrics", "/api/users", "/api/health/other", "//api/health", "/api/docs"]
)
def test_and_of_nothing_else(db, plain_http, path):
    assert without_host("GET", path).status_code == 400
    assert without_host("OPTIONS", path).status_code == 400


@pytest.mark.parametrize("path", PROBES)
def test_http_1_1_needs_a_host(db, plain_http, path):
    assert without_host("GET", path, "HTTP/1.1").status_code == 400


def test_a_server_whose_migrations_are_missing_is_alive_but_not_ready(transactional_db, anonymous):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM django_migrations WHERE app='audit' ORDER BY name DESC LIMIT 1")
        (number,) = cursor.fetchone()
        cursor.execute("UPDATE django_migrations SET name='x' || name WHERE id=%s", [number])
    try:
        assert anonymous.get("/api/health/ready").status_code == 503
        assert anonymous.get("/api/health/live").status_code == 200
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET name=substr(name, 2) WHERE id=%s", [number])
    assert anonymous.get("/api/health/ready").status_code == 200


def test_tables_that_a_newer_version_added_do_not_disturb_the_running_one(db, anonymous):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('audit', '9999_newer', CURRENT_TIMESTAMP)"
        )
    assert anonymous.get("/api/health/ready").status_code == 200
