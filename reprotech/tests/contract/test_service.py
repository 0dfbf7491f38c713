"""Section 3 of the contract: health, metrics, schema, docs, and what every answer has."""

import re
from ipaddress import ip_network

import pytest
from django.test import Client
from prometheus_client import REGISTRY

from reprotech import __version__
from reprotech.testing.cast import NOBODY
from reprotech.testing.client import REQUEST_ID, TIME, Caller, error_of

LOCAL = Caller(address="127.0.0.1")


@pytest.mark.parametrize("path", ["/api/health", "/api/health/"])
def test_health_names_each_part(db, anonymous, path):
    response = anonymous.get(path)
    assert response.status_code == 200
    assert response.json() == {
        "status": "healthy",
        "timestamp": TIME,
        "version": __version__,
        "build": "unknown",
        "database": "connected",
        "cache": "connected",
    }


@pytest.mark.parametrize(
    ("path", "body"), [("/api/health/live", {"status": "alive"}), ("/api/health/ready", {"status": "ready"})]
)
@pytest.mark.parametrize("suffix", ["", "/"])
def test_live_and_ready_answer_in_a_word(db, anonymous, path, body, suffix):
    response = anonymous.get(path + suffix)
    assert (response.status_code, response.json()) == (200, body)


def test_a_cache_that_is_out_of_reach_makes_it_unhealthy_but_ready(db, anonymous, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://user:secret@127.0.0.1:1",
        }
    }
    response = anonymous.get("/api/health")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unhealthy",
        "timestamp": TIME,
        "version": __version__,
        "build": "unknown",
        "database": "connected",
        "cache": "unavailable",
    }
    assert anonymous.get("/api/health/ready").status_code == 200


def test_metrics_name_the_build(db, settings):
    settings.BUILD_ID = "0123abc"
    assert (
        f'reprotech_build_info{{build="0123abc",version="{__version__}"}} 1.0' in LOCAL.get("/metrics").content.decode()
    )


def test_metrics_count_requests_by_their_route(db, viewer):
    labels = {"method": "GET", "endpoint": "/api/users/<int:user_id>", "status": "403"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0.0
    viewer.get(f"/api/users/{NOBODY}")
    response = LOCAL.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    lines = response.content.decode().splitlines()
    wanted = 'http_requests_total{endpoint="/api/users/<int:user_id>",method="GET",status="403"} '
    assert f"{wanted}{before + 1}" in lines
    assert "# TYPE http_request_duration_seconds histogram" in lines
    duration = 'http_request_duration_seconds_count{endpoint="/api/users/<int:user_id>",method="GET"} '
    assert any(line.startswith(duration) for line in lines)
    assert f"users/{NOBODY}" not in response.content.decode()


def test_a_method_or_path_of_the_callers_making_is_no_label_of_its_own(db, anonymous):
    anonymous.call("BREW", "/api/one-off-path")
    text = LOCAL.get("/metrics").content.decode()
    assert "BREW" not in text
    assert "one-off-path" not in text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_metrics_answer_this_machine(db, address):
    assert Caller(address=address).get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.10", {}),
        ("192.0.2.10", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}),
        ("127.0.0.1", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}),
        ("127.0.0.1", {"HTTP_FORWARDED": "for=127.0.0.1"}),
        ("127.0.0.1", {"HTTP_X_REAL_IP": "127.0.0.1"}),
        ("", {}),
    ],
)
def test_without_a_token_metrics_answer_nobody_else(db, address, headers):
    response = Caller(address=address).get("/metrics", **headers)
    assert response.status_code == 403
    assert b"http_requests_total" not in response.content


def test_the_permissions_of_a_user_open_no_metrics(super_admin):
    assert super_admin.get("/metrics").status_code == 403


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer scrape-me", 200), ("Bearer scrape-you", 403), ("scrape-me", 403), ("Bearer scrapé", 403), (None, 403)],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.10"])
def test_with_a_token_metrics_answer_its_bearer_from_anywhere(db, settings, header, status, address):
    settings.METRICS_TOKEN = "scrape-me"
    headers = {"HTTP_AUTHORIZATION": header} if header else {}
    assert Caller(address=address).get("/metrics", **headers).status_code == status


def test_the_schema_describes_every_api_address(db, anonymous):
    response = anonymous.get("/api/schema")
    assert response.status_code == 200
    schema = response.json()
    assert schema["openapi"].startswith("3.")
    assert schema["info"]["version"] == __version__
    assert set(schema["paths"]) >= {
        *("/api/auth/login", "/api/auth/refresh", "/api/auth/logout", "/api/auth/me", "/api/auth/change-password"),
        *("/api/auth/sessions", "/api/auth/sessions/{session_id}", "/api/users", "/api/users/{user_id}"),
        *("/api/users/{user_id}/reset-password", "/api/users/{user_id}/lock", "/api/users/{user_id}/unlock"),
        *("/api/users/analytics", "/api/roles", "/api/roles/{role_id}", "/api/permissions"),
        *("/api/applications", "/api/applications/{application_id}", "/api/applications/{application_id}/secret"),
        *("/api/applications/{application_id}/permissions", "/api/applications/self/permissions"),
        *("/api/settings", "/api/audit", "/api/audit-logs", "/api/health", "/api/health/live", "/api/health/ready"),
    }
    listed = schema["paths"]["/api/users"]["get"]
    names = {parameter["name"] for parameter in listed["parameters"]}
    assert names == {
        "page",
        "per_page",
        "search",
        "role",
        "status",
        "kind",
        "factor",
        "attention",
        "ends_before",
        "sort",
    }
    error = {"$ref": "#/components/schemas/Error"}
    assert listed["responses"]["403"]["content"]["application/json"]["schema"] == error


def test_the_docs_need_nothing_from_elsewhere(db, anonymous):
    response = anonymous.get("/api/docs")
    page = response.content.decode()
    assert response.status_code == 200
    assert 'id="swagger-ui"' in page
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', page) == []
    assert "css/api-docs.css" in page
    assert "style=" not in page


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing-here", "/login", "/nothing-here", "/metrics"])
def test_every_answer_has_a_request_id_of_its_own(db, anonymous, path):
    first, second = anonymous.get(path), anonymous.get(path)
    assert first["X-Request-ID"] == REQUEST_ID
    assert first["X-Request-ID"] != second["X-Request-ID"]


@pytest.mark.parametrize(("proxies", "believed"), [([], False), (["192.0.2.0/24"], True)])
def test_a_request_id_is_taken_from_a_trusted_proxy_alone(db, anonymous, settings, proxies, believed):
    settings.TRUSTED_PROXIES = [ip_network(network) for network in proxies]
    response = anonymous.get("/api/health", HTTP_X_REQUEST_ID="from-the-proxy-1")
    assert (response["X-Request-ID"] == "from-the-proxy-1") is believed
    assert anonymous.get("/api/health", HTTP_X_REQUEST_ID="two\nlines-of-it")["X-Request-ID"] == REQUEST_ID


@pytest.mark.parametrize("path", ["/api/nothing-here", "/api/users/one", "/api/auth", "/api/users/1/2", "/api/"])
def test_an_unknown_api_address_is_an_error_like_any_other(db, anonymous, path):
    response = anonymous.get(path)
    assert response.status_code == 404
    assert error_of(response) == {"error": "There is nothing at this address.", "code": "not_found"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/users"), ("POST", "/api/auth/me"), ("GET", "/api/auth/login"), ("PATCH", "/api/health")],
)
def test_a_method_that_an_address_does_not_take_is_refused(cast, super_admin, method, path):
    response = super_admin.call(method, path)
    assert response.status_code == 405
    assert error_of(response) == {"error": "This address doesn't take this method.", "code": "method_not_allowed"}
    assert response["Allow"]


def test_a_failure_of_ours_tells_nothing_of_its_cause(cast, settings, anonymous):
    settings.JWT_SECRET_KEY = 7  # no key at all: signing fails
    response = anonymous.post("/api/auth/login", {"username": "the-viewer", "password": "Correct-Horse-7"})
    assert response.status_code == 500
    assert error_of(response) == {
        "error": "Something went wrong on our side. Nothing was changed.",
        "code": "internal_error",
    }


def test_answers_are_json_in_utf_8_whatever_is_accepted(cast, super_admin):
    super_admin.patch(f"/api/users/{cast.viewer.pk}", {"first_name": "Zoë"})
    response = super_admin.get(f"/api/users/{cast.viewer.pk}", HTTP_ACCEPT="text/html")
    assert response["Content-Type"] == "application/json"
    assert "Zoë".encode() in response.content


@pytest.mark.parametrize("origin", ["https://lab.example", "https://evil.example"])
def test_a_browser_elsewhere_may_call_only_from_a_named_origin(db, settings, origin):
    settings.CORS_ALLOWED_ORIGINS = ["https://lab.example"]
    response = Client().get("/api/health", HTTP_ORIGIN=origin)
    allowed = response.headers.get("Access-Control-Allow-Origin")
    assert allowed == ("https://lab.example" if origin == "https://lab.example" else None)
