"""Forwarding headers are believed from trusted proxies alone."""

from ipaddress import ip_network

import pytest
from django.test import Client

from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller

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
        # With a port, as Azure's gateways and HAProxy write it; in brackets and quotes.
        ("203.0.113.5:51234", "203.0.113.5"),
        ("203.0.113.5:", "203.0.113.5"),
        ("[2001:db9::1]:443", "2001:db9::1"),
        ("[2001:db9::1]", "2001:db9::1"),
        ('"203.0.113.5:51234"', "203.0.113.5"),
        ('"[2001:db9::1]:443"', "2001:db9::1"),
        ("2001:db9:0:0:0:0:0:1", "2001:db9::1"),
        # As in RFC 7239.
        ("for=203.0.113.5", "203.0.113.5"),
        ('For="[2001:db9::1]:4711"', "2001:db9::1"),
        ("proto=https;for=203.0.113.5:_port;by=192.0.2.11", "203.0.113.5"),
        ('for="198.51.100.1:8080", for="203.0.113.5"; by=192.0.2.1, for=192.0.2.11', "203.0.113.5"),
        # IPv6 of a network card, and IPv4 written as IPv6.
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("[::ffff:203.0.113.5]:443", "203.0.113.5"),
        ("::ffff:cb00:7105", "203.0.113.5"),
        ("203.0.113.5, ::ffff:192.0.2.11", "203.0.113.5"),
        # Empty elements are none; several header lines arrive as one.
        ("203.0.113.5, , 192.0.2.11,", "203.0.113.5"),
        (",,", PROXY),
        ("198.51.100.1,203.0.113.5,192.0.2.11", "203.0.113.5"),
        ("\t203.0.113.5 \t", "203.0.113.5"),
        (", ".join(["203.0.113.5", *["192.0.2.11"] * 40]), "203.0.113.5"),
        (", ".join(["203.0.113.5", *["192.0.2.11"] * 100_000]), "192.0.2.11"),
        # Nothing to be believed: the nearest proxy that is.
        ("unknown", PROXY),
        ("203.0.113.5, unknown", PROXY),
        ("203.0.113.5, unknown, 192.0.2.11", "192.0.2.11"),
        ("_hidden", PROXY),
        ("for=_hidden", PROXY),
        ('for="_SEVKISEK"', PROXY),
        ("proto=https;by=203.0.113.5", PROXY),
        ("0.0.0.0", PROXY),  # noqa: S104 (of no machine)
        ("[::]:443", PROXY),
        ("010.0.0.1", PROXY),
        ("203.0.113.5.6", PROXY),
        ("203.0.113", PROXY),
        ("3405803781", PROXY),
        ("[203.0.113.5", PROXY),
        ("[2001:db9::1]443", PROXY),
        ("2001:db9::1]:443", PROXY),
        ("203.0.113.5:http", PROXY),
        ("[]", PROXY),
        ("[", PROXY),
        (":", PROXY),
        ("=", PROXY),
        ("for=", PROXY),
        ('"', PROXY),
        ("lab.example", PROXY),
        ("203.0.113.5;drop", PROXY),
        ("\u00b2\u00b3.0.113.5", PROXY),
        ("\x00", PROXY),
        ("1" * 100_000, PROXY),
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


@pytest.mark.parametrize(
    ("proto", "is_https"),
    [
        *[("https", True), ("HTTPS", True), ("https,http", True), ("https, http", True), (" https ", True)],
        *[('"https"', True), ("https,https,http", True), ("proto=https;for=203.0.113.5", True), ("https,", True)],
        *[("http", False), ("http,https", False), ("HTTP", False), ("", False), (",https", False), ("ftp", False)],
        *[("https;http", False), ("httpsx", False), ("\x00", False), ("on", False), ("h\xe9", False)],
    ],
)
def test_the_scheme_is_believed_of_a_trusted_proxy_alone(db, settings, proto, is_https):
    settings.SECURE_SSL_REDIRECT = True
    assert Caller().get("/login", HTTP_X_FORWARDED_PROTO=proto).status_code == 301
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    response = Caller().get("/login", HTTP_X_FORWARDED_PROTO=proto)
    assert response.status_code == (200 if is_https else 301)


FORWARDED = {"HTTP_FORWARDED": "for=203.0.113.5;proto=https, for=192.0.2.11", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}


def test_where_forwarded_is_chosen_it_alone_is_read(db, settings, behind_proxies):
    """Its name has no hyphen, so that no other name of a header becomes the same in a WSGI environment."""
    assert recorded_address(**FORWARDED) == "198.51.100.1"
    settings.FORWARDED_HEADERS = "Forwarded"
    assert recorded_address(**FORWARDED) == "203.0.113.5"
    assert recorded_address(HTTP_X_FORWARDED_FOR="198.51.100.1") == PROXY
    assert recorded_address("198.51.100.7", **FORWARDED) == "198.51.100.7"
    settings.SECURE_SSL_REDIRECT = True
    assert Caller().get("/login", HTTP_FORWARDED="for=_x;proto=https").status_code == 200
    assert Caller().get("/login", HTTP_FORWARDED="for=_x;proto=http").status_code == 301
    assert Caller().get("/login", HTTP_X_FORWARDED_PROTO="https").status_code == 301


def test_a_redirect_to_https_keeps_the_host_of_the_request(db, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    response = Caller().get("/login", HTTP_X_FORWARDED_HOST="evil.example")
    assert response["Location"] == "https://testserver/login"


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready"])
def test_probes_are_not_sent_to_https(db, settings, path):
    settings.SECURE_SSL_REDIRECT = True
    assert Caller().get(path).status_code == 200


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("Z\xfcrich/1.0", "Zürich/1.0"),
        ("Zürich/1.0".encode().decode("latin-1"), "Zürich/1.0"),
        ("лаб/1.0".encode().decode("latin-1"), "лаб/1.0"),
        ("lab\xff\xfe/1.0", "labÿþ/1.0"),
        ("", "(unreadable)"),
        ("x" * 600, "x" * 512),
    ],
)
def test_a_user_agent_that_is_not_ascii_is_recorded(db, sent, recorded):
    Caller(user_agent=sent).post("/api/auth/login", {"username": "x", "password": "y"})
    assert AuditLog.objects.latest("id").user_agent == recorded


def test_without_a_user_agent_none_is_recorded(db):
    Client().post("/api/auth/login", {"username": "x", "password": "y"}, content_type="application/json")
    assert AuditLog.objects.latest("id").user_agent == ""


def test_line_breaks_in_a_user_agent_reach_no_row(db):
    Caller(user_agent="lab\r\nFAKE admin logged in\x00").post("/api/auth/login", {"username": "x", "password": "y"})
    assert AuditLog.objects.latest("id").user_agent == "lab  FAKE admin logged in"
