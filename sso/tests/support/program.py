"""A program that signs people in through Reprotech, as far as tests need one: its requests and what it checks."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet

from audit.tracking.model_tracking import explicitly_recorded
from sso.keys.signatures import Registry
from sso.models import Application
from sso.tests.support.sign_ins import make_application

SECRET = "rps_" + "5" * 64
CALLBACK = "https://grafana.lab.example/login/generic_oauth"
SCOPE = "openid profile email roles permissions"


def parameters_of(address):
    """The query of an address; each parameter must be there once."""
    found = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), address
    return {name: values[0] for name, values in found.items()}


@dataclass
class Program:
    """One application and its calls."""

    application: Application
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "af0ifjsldkj"
    nonce: str = "n-0S6_WzA2Mj"

    @property
    def challenge(self):
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def request(self, **changes):
        """The parameters of an authorization request; None takes one out."""
        values = {
            "response_type": "code",
            "client_id": self.application.client_id,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def address(self, **changes):
        return f"/oauth/authorize?{urlencode(self.request(**changes), doseq=True)}"

    def authorize(self, browser, **changes):
        return browser.get(self.address(**changes))

    def code(self, browser, **changes):
        response = self.authorize(browser, **changes)
        assert response.status_code == 302, response.content
        assert response["Location"].startswith(f"{CALLBACK}?"), response["Location"]
        answer = parameters_of(response["Location"])
        assert set(answer) == {"code", "state", "iss"}, answer
        return answer["code"]

    def post(self, path, body, *, basic=None, **headers):
        """POST a form; `basic` is (client id, secret)."""
        if basic:
            credentials = base64.b64encode(":".join(basic).encode()).decode()
            headers["HTTP_AUTHORIZATION"] = f"Basic {credentials}"
        content = body if isinstance(body, str | bytes) else urlencode(body, doseq=True)
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        return client.post(path, content, content_type="application/x-www-form-urlencoded", **headers)

    def call(self, path, **body):
        """The same with the program's own credentials."""
        if self.application.is_confidential:
            return self.post(path, body, basic=(self.application.client_id, SECRET))
        return self.post(path, {"client_id": self.application.client_id, **body})

    def redeem(self, code, **changes):
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.call("/oauth/token", **{name: value for name, value in body.items() if value is not None})

    def tokens(self, browser, **changes):
        response = self.redeem(self.code(browser, **changes))
        assert response.status_code == 200, response.content
        return response.json()

    def refresh(self, token, **changes):
        return self.call("/oauth/token", grant_type="refresh_token", refresh_token=token, **changes)

    def userinfo(self, token, method="get"):
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        return getattr(client, method)("/oauth/userinfo", HTTP_AUTHORIZATION=f"Bearer {token}")

    def claims(self, id_token):
        """The claims of an ID token, with the signature checked by the published keys."""
        keys = KeySet.import_key_set(Client().get("/oauth/jwks").json())
        registry = Registry(algorithms=[self.application.signing_alg])
        return jwt.decode(id_token, keys, registry=registry).claims


def make_program(name="Grafana", *roles, **fields):
    """A confidential program with SECRET, unless `fields` say otherwise."""
    if fields.get("kind") != Application.Kind.PUBLIC:
        fields.setdefault("secret_hash", hashlib.sha256(SECRET.encode()).hexdigest())
    fields = {"redirect_uris": [CALLBACK], **fields}
    return Program(make_application(name, *roles, **fields))


def change(row, **values):
    """Change a row past all services."""
    with explicitly_recorded():
        type(row).objects.filter(pk=row.pk).update(**values)
