"""Behind a proxy that speaks TLS: what browsers are told, and cookies that no other host can set."""

import re
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from reprotech.testing.plugin import start_server

pytestmark = pytest.mark.only_on("sqlite")  # what a proxy says is the same on both

PROXY = {"X-Forwarded-Proto": "https", "Host": "127.0.0.1"}


@pytest.fixture(scope="module")
def tls_server(stack, processes):
    """A server that insists on TLS, with a proxy on this machine before it."""
    return start_server(processes, stack, SSL_REQUIRED="true", TRUSTED_PROXIES="127.0.0.1", WORKERS="1")


def ask(server, method, path, headers=PROXY, body=None):
    """(status, headers, cookies by name with their whole text, body) of an answer."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        cookies = {text.split("=")[0].strip(): text for text in answer.headers.get_all("Set-Cookie", [])}
        return answer.status, answer.headers, cookies, answer.read().decode()
    finally:
        connection.close()


def test_without_tls_browsers_are_sent_to_it(tls_server):
    status, headers, _, _ = ask(tls_server, "GET", "/login", {"Host": "127.0.0.1"})
    assert (status, headers["Location"]) == (301, "https://127.0.0.1/login")


def test_cookies_are_this_hosts_alone_and_sign_in_works_with_them(tls_server):
    _, headers, cookies, page = ask(tls_server, "GET", "/login")
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    cookie = cookies["__Host-reprotech_csrf"]
    form = {"username": "admin", "password": "Admin123!", "csrfmiddlewaretoken": token}
    sent = {
        **PROXY,
        "Cookie": cookie.split(";")[0],
        "Referer": "https://127.0.0.1/login",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    status, _, cookies, _ = ask(tls_server, "POST", "/login", sent, urlencode(form))
    assert status == 302
    session = cookies["__Host-reprotech_session"]
    for text in (cookie, session, cookies["__Host-reprotech_device"]):
        assert {"Secure", "Path=/"} <= {part.strip() for part in text.split(";")}
        assert "domain" not in text.lower()
    status, headers, _, _ = ask(tls_server, "GET", "/", {**PROXY, "Cookie": session.split(";")[0].strip()})
    assert status == 200
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/login", "/api/health", "/static/css/reprotech.css", "/admin/", "/api/docs"])
def test_every_answer_keeps_other_sites_out(server, path):
    _, headers, _, _ = ask(server, "GET", path, {"Host": "127.0.0.1"})
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
