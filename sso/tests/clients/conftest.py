"""A running server, applications that its API registered, and a person's browser without JavaScript."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin

import pytest
import requests

CALLBACK = "http://127.0.0.1:9/callback"
SIGNED_OUT = "http://127.0.0.1:9/signed-out"
ADMIN = {"username": "admin", "password": "Admin123!"}


@dataclass
class Provider:
    """The server's issuer, and its API as the administrator calls it."""

    issuer: str
    token: str

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.token}"}
        response = requests.post(f"{self.issuer}{path}", json=body, headers=headers, timeout=30)
        assert response.ok, response.text
        return response.json()

    def register(self, name, **fields):
        """A new application; its client id, and its secret if it has one."""
        body = {
            "name": name,
            "slug": re.sub("[^a-z0-9]", "", name.lower())[:16],
            "kind": "confidential",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [SIGNED_OUT],
            "roles": ["Super Administrator"],
            **fields,
        }
        made = self.post("/api/applications", body)
        return made["application"]["client_id"], made.get("client_secret", "")


@pytest.fixture(scope="session")
def provider(server):
    issuer = server.env["PUBLIC_URL"]
    response = requests.post(f"{issuer}/api/auth/login", json=ADMIN, timeout=30)
    assert response.ok, response.text
    return Provider(issuer, response.json()["access_token"])


class Browser:
    """A browser that follows redirects within the provider, fills in its sign-in form, and stops at a callback."""

    def __init__(self, issuer):
        self.issuer, self.http = issuer, requests.Session()

    def visit(self, address):
        """Go to an address; returns the first one outside of the provider that it leads to."""
        for _ in range(10):
            if not address.startswith(f"{self.issuer}/"):
                return address
            response = self.http.get(address, allow_redirects=False, timeout=30)
            if "/login" in response.url and response.ok and not response.is_redirect:
                response = self.sign_in(response)
            assert response.status_code in {200, 302}, (address, response.status_code, response.text)
            address = self.next_address(response)
        raise AssertionError("It goes round in circles.")

    def next_address(self, response):
        refresh = response.headers.get("Refresh", "")
        where = response.headers.get("Location") or unescape(refresh.partition("url=")[2])
        assert where, response.text
        return urljoin(response.url, where)

    def sign_in(self, page):
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        fields = {name: unescape(value) for name, value in hidden}
        headers = {"Referer": page.url}
        return self.http.post(
            f"{self.issuer}/login", {**fields, **ADMIN}, headers=headers, allow_redirects=False, timeout=30
        )


@pytest.fixture
def browser(provider):
    return Browser(provider.issuer)
