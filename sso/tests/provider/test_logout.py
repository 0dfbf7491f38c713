"""A program sends a person here to sign out (OpenID Connect RP-Initiated Logout)."""

import base64
import json
import re
from urllib.parse import urlencode

import pytest

from accounts.models import Session
from reprotech.testing.client import page_client
from sso.keys import services as key_services
from sso.tests.support.program import make_program, parameters_of

pytestmark = pytest.mark.django_db

HOME = "https://grafana.lab.example/signed-out"


@pytest.fixture
def program(cast):
    return make_program(post_logout_redirect_uris=[HOME])


def logout(browser, **sent):
    return browser.get(f"/oauth/logout?{urlencode(sent)}")


def is_signed_in(browser):
    return browser.get("/profile").status_code == 200


def assert_asks(browser, response):
    """A page asks, and nothing has ended."""
    assert response.status_code == 200
    assert "Sign out?" in response.content.decode()
    assert is_signed_in(browser)


def test_with_the_sessions_own_id_token_it_ends_at_once(program, browser, cast):
    tokens = program.tokens(browser)
    response = logout(browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=HOME, state="a&b")
    assert response.status_code == 302
    assert response["Location"] == f"{HOME}?state=a%26b"
    assert not is_signed_in(browser)
    assert Session.objects.get(user=cast.researcher).end_reason == "logout"
    assert program.userinfo(tokens["access_token"]).status_code == 401


def test_without_an_address_a_page_says_so(program, browser):
    response = logout(browser, id_token_hint=program.tokens(browser)["id_token"])
    assert response.status_code == 200
    assert "You are signed out" in response.content.decode()
    assert not is_signed_in(browser)


def test_without_a_hint_a_page_asks(program, browser, client):
    client_id = program.application.client_id
    page = logout(browser, client_id=client_id, post_logout_redirect_uri=HOME, state="xyz")
    assert_asks(browser, page)
    assert "Grafana asks to sign you out" in page.content.decode()
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()))
    sent.pop("next", None)
    response = browser.post("/oauth/logout/confirm", sent)
    # Not a redirect, which Chromium would refuse after a form.
    assert response.status_code == 200
    assert response["Refresh"] == f"0; url={HOME}?state=xyz"
    assert f'href="{HOME}?state=xyz"' in response.content.decode()
    assert not is_signed_in(browser)


def test_another_sites_form_ends_nothing(program, cast):
    browser = page_client(cast.researcher)
    browser.handler.enforce_csrf_checks = True
    assert browser.post("/oauth/logout/confirm", {"client_id": program.application.client_id}).status_code == 403
    sent = urlencode({"client_id": program.application.client_id})
    response = browser.post("/oauth/logout", sent, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 302
    assert_asks(browser, browser.get(response["Location"]))


def test_a_hint_that_is_not_this_sessions(program, browser, cast):
    other = page_client(cast.researcher)
    foreign = program.tokens(page_client(cast.viewer))["id_token"]
    elsewhere = program.tokens(other)["id_token"]
    logout_token = key_services.sign_token({"iss": "x", "events": {}}, algorithm="RS256", kind="logout+jwt")
    for hint in (foreign, elsewhere, logout_token, "x", "..", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "x" * 15_000):
        assert_asks(browser, logout(browser, id_token_hint=hint, post_logout_redirect_uri=HOME))
    assert is_signed_in(other)


def test_a_hint_of_another_issuer_or_program(program, browser, settings):
    hint = program.tokens(browser)["id_token"]
    other = make_program("JupyterHub")
    assert_asks(browser, logout(browser, id_token_hint=hint, client_id=other.application.client_id))
    settings.PUBLIC_URL = "https://other.lab.example"
    assert_asks(browser, logout(browser, id_token_hint=hint))


def test_an_address_that_is_not_registered_is_not_gone_to(program, browser):
    hint = program.tokens(browser)["id_token"]
    for address in (
        "https://evil.example/",
        f"{HOME}/",
        f"{HOME}?x",
        "//evil.example",
        "javascript:alert(1)",
        "/users",
    ):
        response = logout(page_client_of(browser), id_token_hint=hint, post_logout_redirect_uri=address)
        assert response.status_code == 200
        assert "Refresh" not in response
        assert "evil.example" not in re.sub(r'name="next"\s+value="[^"]*"', "", response.content.decode())
    response = logout(
        browser, client_id=program.application.client_id, post_logout_redirect_uri="https://evil.example/"
    )
    assert "Refresh" not in browser.post("/oauth/logout/confirm", {"post_logout_redirect_uri": "https://evil.example/"})


def page_client_of(browser):
    """The same browser, signed out."""
    return browser.__class__(raise_request_exception=False)


def test_somebody_who_is_signed_out_already_goes_on(program, browser, client):
    hint = program.tokens(browser)["id_token"]
    response = logout(client, id_token_hint=hint, post_logout_redirect_uri=HOME)
    assert response["Location"] == HOME
    assert logout(client, post_logout_redirect_uri=HOME).status_code == 200


def test_bad_input(program, browser):
    for query in ("%00", "state=%ff", "a=b&" * 100, "id_token_hint=a&id_token_hint=b", "x" * 100_000):
        assert browser.get("/oauth/logout", QUERY_STRING=query).status_code in {200, 400}
    assert is_signed_in(browser)
    assert browser.post("/oauth/logout", {"state": "x"}).status_code == 400
    assert browser.put("/oauth/logout").status_code == 405


@pytest.mark.parametrize("kid", ["a\ud800b", "a\0b", "", "x" * 43 + "\n", 7, None, ["x"]])
def test_a_hint_whose_key_has_no_name_of_ours(program, browser, kid):
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).rstrip(b"=").decode()
    hint = f"{header}.e30.cw"
    assert_asks(browser, logout(browser, id_token_hint=hint))
    assert parameters_of(program.authorize(browser, id_token_hint=hint)["Location"])["error"] == "login_required"


def test_a_confirmation_with_a_character_that_none_have(program, browser):
    response = browser.post("/oauth/logout/confirm", {"client_id": "a\0b"})
    assert response.status_code == 400
    assert is_signed_in(browser)


def test_a_registered_query_stays_letter_by_letter(browser, cast):
    program = make_program(post_logout_redirect_uris=[f"{HOME}?p=%ff&a;b"])
    tokens = program.tokens(browser)
    response = logout(
        browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=f"{HOME}?p=%ff&a;b", state="x y"
    )
    assert response["Location"] == f"{HOME}?p=%ff&a;b&state=x+y"
