"""Forwarding headers are believed from trusted proxies alone."""

from ipaddress import ip_network

import pytest

from audit.models import AuditLog
from reprotech.testing import PASSWORD, Caller

PROXY = "192.0.2.10"


@pytest.fixture
def behind_proxies(settings):
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


def recorded_address(remote=PROXY, **headers):
    """The address in the audit row of a login from there."""
    Caller(address=remote).post("/api/auth/login", {"username": "nobody", "password": "x"}, **headers)
    return AuditLog.objects.filter(action="login").latest("id").ip_address


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED"])
@pytest.mark.parametrize("value", ["203.0.113.9", "for=203.0.113.9", "127.0.0.1, 203.0.113.9", "nonsense", "\x00"])
def test_without_a_trusted_proxy_the_socket_tells_the_address(db, header, value):
    assert recorded_address(**{header: value}) == PROXY


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 192.0.2.11", "203.0.113.9"),
        ("203.0.113.9,192.0.2.11 , 192.0.2.12", "203.0.113.9"),
        ("192.0.2.99, 192.0.2.11", "192.0.2.99"),
        ("2001:DB9::1", "2001:db9::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("nonsense", PROXY),
        ("nonsense, 192.0.2.11", "192.0.2.11"),
        ("", PROXY),
    ],
)
def test_behind_a_trusted_proxy_the_nearest_untrusted_address_counts(db, behind_proxies, forwarded, address):
    assert recorded_address(HTTP_X_FORWARDED_FOR=forwarded) == address


def test_a_client_that_is_no_proxy_is_not_believed(db, behind_proxies):
    assert recorded_address("198.51.100.7", HTTP_X_FORWARDED_FOR="203.0.113.9") == "198.51.100.7"


def test_a_client_cannot_change_its_address_to_guess_on(cast):
    guesser = Caller()
    for number in range(50):
        body = {"username": f"guess-{number}", "password": "x"}
        assert guesser.post("/api/auth/login", body, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}").status_code == 401
    body = {"username": "the-viewer", "password": PASSWORD}
    assert guesser.post("/api/auth/login", body, HTTP_X_FORWARDED_FOR="203.0.113.99").status_code == 429


@pytest.mark.parametrize("proto", ["https", "http", "ftp", "https, http"])
def test_the_scheme_is_believed_of_a_trusted_proxy_alone(db, settings, proto):
    settings.SECURE_SSL_REDIRECT = True
    assert Caller().get("/login", HTTP_X_FORWARDED_PROTO=proto).status_code == 301
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    response = Caller().get("/login", HTTP_X_FORWARDED_PROTO=proto)
    assert response.status_code == (200 if proto == "https" else 301)


def test_a_redirect_to_https_keeps_the_host_of_the_request(db, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    response = Caller().get("/login", HTTP_X_FORWARDED_HOST="evil.example")
    assert response["Location"] == "https://testserver/login"


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready"])
def test_probes_are_not_sent_to_https(db, settings, path):
    settings.SECURE_SSL_REDIRECT = True
    assert Caller().get(path).status_code == 200


def test_line_breaks_in_a_user_agent_reach_no_row(db):
    Caller(user_agent="lab\r\nFAKE admin logged in\x00").post("/api/auth/login", {"username": "x", "password": "y"})
    assert AuditLog.objects.latest("id").user_agent == "lab  FAKE admin logged in"
