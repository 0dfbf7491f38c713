"""A program and people's browsers over HTTP, for tests with whole servers."""

import base64
import hashlib
import json
import re
import secrets
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from joserfc import jwt
from joserfc.jwk import KeySet

CALLBACK = "https://grafana.lab.example/login/generic_oauth"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """A person's, without JavaScript; it follows nothing by itself."""

    def __init__(self, port):
        self.port, self._opener = port, build_opener(HTTPCookieProcessor(CookieJar()), _NoRedirect)

    def ask(self, path, body=None, port=None, **headers):
        """(status, headers, text) of a GET, or of a POST of a form."""
        content = urlencode(body).encode() if body is not None else None
        request = Request(f"http://127.0.0.1:{port or self.port}{path}", content, headers)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def submit(self, path, body, port=None):
        page = self.ask(path, port=port)[2]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        return self.ask(path, {"csrfmiddlewaretoken": token, **body}, port=port)

    def sign_in(self, username, password):
        status, headers, text = self.submit("/login", {"username": username, "password": password, "next": "/profile"})
        assert status == 302, text[:2000]
        assert headers["Location"] == "/profile", headers["Location"]

    def sign_out(self, port=None):
        assert self.submit("/logout", {}, port)[0] == 302


class WireProgram:
    """A confidential application, as `POST /api/applications` made it."""

    def __init__(self, port, application, secret, callback=CALLBACK):
        self.port, self.application, self.secret, self.callback = port, application, secret, callback
        self.verifier = secrets.token_urlsafe(48)

    def path(self, **changes):
        """Of an authorization request."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.application["client_id"],
            "redirect_uri": self.callback,
            "scope": "openid roles",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return f"/oauth/authorize?{urlencode(asked)}"

    def address(self, **changes):
        return f"http://127.0.0.1:{self.port}{self.path(**changes)}"

    def code(self, browser, port=None):
        status, headers, text = browser.ask(self.path(), port=port)
        assert status == 302, text[:2000]
        return parse_qs(urlsplit(headers["Location"]).query)["code"][0]

    def token(self, port=None, **body):
        """(status, answer) of the token endpoint."""
        basic = base64.b64encode(f"{self.application['client_id']}:{self.secret}".encode()).decode()
        asked = Browser(port or self.port).ask("/oauth/token", body, Authorization=f"Basic {basic}")
        return asked[0], json.loads(asked[2])

    def redeem(self, code, port=None):
        return self.token(
            port, grant_type="authorization_code", code=code, redirect_uri=self.callback, code_verifier=self.verifier
        )

    def refresh(self, token, port=None):
        return self.token(port, grant_type="refresh_token", refresh_token=token)

    def userinfo(self, token, port=None):
        """The status."""
        return Browser(port or self.port).ask("/oauth/userinfo", Authorization=f"Bearer {token}")[0]

    def claims(self, token):
        """Of an ID token or a logout token, whose signature the published keys verify."""
        keys = KeySet.import_key_set(json.loads(Browser(self.port).ask("/oauth/jwks")[2]))
        decoded = jwt.decode(token, keys, algorithms=["RS256"])
        return decoded.header, decoded.claims
