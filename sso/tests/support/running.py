"""A running server with applications, and a person who signs in to a program through its pages."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import requests

PASSWORD = "Admin123!"
#: How often one is sent on before a page is there.
MAX_STEPS = 12


class Lab:
    """The API of a running server, as its administrator."""

    def __init__(self, url):
        self.url = url
        tokens = self.call("POST", "/api/auth/login", {"username": "admin", "password": PASSWORD})
        self.token = tokens["access_token"]

    def call(self, method, path, body=None, expected=(200, 201)):
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert answer.status_code in expected, answer.text
        return answer.json()

    def add_application(self, name, **fields):
        """The application, and its secret."""
        body = {"name": name, "slug": re.sub("[^a-z0-9]", "", name.lower())[:16], "kind": "confidential", **fields}
        made = self.call("POST", "/api/applications", {**body, "current_password": PASSWORD})
        return made["application"], made.get("client_secret", "")

    def add_person(self, username, *roles):
        body = {"username": username, "email": f"{username}@lab.example", "password": PASSWORD, "roles": [*roles]}
        names = {"first_name": "Hugo", "last_name": "Li"}
        user = self.call("POST", "/api/users", {**body, **names})["user"]
        return user["id"]


class Person:
    """Somebody with a browser that knows no JavaScript."""

    def __init__(self, username):
        self.username, self.browser = username, requests.Session()

    def open(self, url):
        """The page at which one ends, signed in on the way where that is asked for."""
        answer = self.browser.get(url, timeout=30)
        for _ in range(MAX_STEPS):
            if 'name="password"' in answer.text and urlsplit(answer.url).path == "/login":
                answer = self._submit(answer)
            elif found := re.search(r"url=(\S+)", answer.headers.get("Refresh", "")):
                answer = self.browser.get(urljoin(answer.url, unescape(found[1])), timeout=30)
            else:
                return answer
        raise AssertionError(f"sent on too often: {answer.url}")

    def _submit(self, page):
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        fields = {name: unescape(value) for name, value in hidden}
        fields |= {"username": self.username, "password": PASSWORD}
        return self.browser.post(page.url, fields, headers={"Referer": page.url}, timeout=30)

    def sign_out(self, url):
        """Of the server at `url`, by its page."""
        page = self.browser.get(f"{url}/logout", timeout=30)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        self.browser.post(page.url, {"csrfmiddlewaretoken": token}, headers={"Referer": page.url}, timeout=30)
