"""A browser without JavaScript that fills in forms, follows redirects and `Refresh`, and stops at a program's door."""

import html
import re
from urllib.parse import urlencode, urljoin

from django.test import Client

#: Redirects and refreshes that one form may lead to.
MAX_STEPS = 10


class PlainBrowser:
    """One window; `stop` says at which addresses a visit ends without being fetched."""

    def __init__(self, stop="/oauth/"):
        self.client, self.stop = Client(), stop
        self.address, self.response, self.refreshed = "", None, []

    def open(self, address):
        """Visit an address, and wherever it leads."""
        return self._arrive(self.client.get(address), address)

    def submit(self, action, **fields):
        """Send the form in the page's main part to this path with its hidden fields, and go wherever it leads."""
        form = self._form(action)
        hidden = {
            html.unescape(re.search(r'name="([^"]*)"', one)[1]): html.unescape(
                found[1] if (found := re.search(r'value="([^"]*)"', one)) else ""
            )
            for one in re.findall(r"<input[^>]*>", form["body"])
            if 'type="hidden"' in one and 'name="' in one
        }
        sent = {**hidden, **fields}
        if form["method"] == "get":
            address = f"{form['action']}?{urlencode(sent)}"
            return self._arrive(self.client.get(address), address)
        return self._arrive(self.client.post(form["action"], sent), form["action"])

    def follow(self, path):
        """Follow the page's link to this path, whatever its query."""
        found = re.search(rf'<a\b[^>]*href="({re.escape(path)}(\?[^"]*)?)"', self.text)
        assert found, f"no link to {path} on {self.address}"
        return self.open(html.unescape(found[1]))

    @property
    def text(self):
        return self.response.content.decode()

    @property
    def has_arrived(self):
        return self.address.startswith(self.stop)

    def _form(self, action):
        for tag, body in re.findall(r"<form\b([^>]*)>(.*?)</form>", self.text.partition("<main")[2], re.DOTALL):
            attributes = {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
            if attributes.get("action") == action and "data-passkey" not in attributes:
                return {"body": body, "action": action, "method": attributes.get("method", "get")}
        raise AssertionError(f"no form for {action} on {self.address}: {self.text[:500]}")

    def _arrive(self, response, address):
        for _ in range(MAX_STEPS):
            self.address, self.response = address, response
            if response.status_code == 302:
                address = urljoin(address, response["Location"])
                # Chromium would stop here, on the way from a form to another site.
                assert not address.startswith(self.stop), f"a redirect, not a page, leads to {address}"
            elif refresh := response.headers.get("Refresh"):
                assert response.status_code == 200
                address = refresh.removeprefix("0; url=")
                self.refreshed.append(address)
            else:
                return self
            if address.startswith(self.stop):
                self.address = address
                return self
            response = self.client.get(address)
        raise AssertionError(f"still going on at {address}")
