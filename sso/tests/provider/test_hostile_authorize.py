"""Bad input at /oauth/authorize: the program is told where its address is certain; elsewhere a page says so."""

import re
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings

from audit.models import AuditLog
from reprotech.testing.client import page_client
from sso.models import Application, AppSignIn
from sso.tests.support.program import CALLBACK, change, make_program, parameters_of

pytestmark = pytest.mark.django_db

#: Similar to the registered address, and none of them is it.
SIMILAR = [
    "https://evil.example/login/generic_oauth",
    "https://grafana.lab.example/login/generic_oauth/",
    "https://grafana.lab.example/login/generic_oauth/../../elsewhere",
    "https://grafana.lab.example/login/../login/generic_oauth",
    "https://grafana.lab.example/LOGIN/generic_oauth",
    "https://GRAFANA.lab.example/login/generic_oauth",
    "https://grafana.lab.example:443/login/generic_oauth",
    "https://grafana.lab.example:8443/login/generic_oauth",
    "http://grafana.lab.example/login/generic_oauth",
    "https://grafana.lab.example/login/generic_oauth#x",
    "https://grafana.lab.example/login/generic_oauth?x=1",
    "https://grafana.lab.example@evil.example/login/generic_oauth",
    "https://user@grafana.lab.example/login/generic_oauth",
    "https://grafana.lab.example.evil.example/login/generic_oauth",
    "https://grafana.lab.example%2eevil.example/login/generic_oauth",
    "https://grafana.lab.example/login%2fgeneric_oauth",
    "https://grafana.lab.example/login/generic_oauth%0d%0aX: y",
    "https://grafana.lab.example\\@evil.example/login/generic_oauth",
    " https://grafana.lab.example/login/generic_oauth",
    "//grafana.lab.example/login/generic_oauth",
    "javascript:alert(1)",
    "data:text/html,x",
    "/login",
    '"><script>alert(1)</script>',
    "https://gräfana.lab.example/",
    None,
]


def assert_page(response, status=400):
    """One of our pages, which leads nowhere else."""
    assert response.status_code == status, response.content
    assert "Location" not in response
    assert "Refresh" not in response
    page = response.content.decode()
    assert not re.search(r'(href|action|src|content)="[^"/]*//(evil|grafana)', page)
    assert "This application can" in page
    assert not AppSignIn.objects.exists()


def assert_told(response, error, state="af0ifjsldkj"):
    """The program gets this error, with its state and our issuer."""
    assert response.status_code == 302, response.content
    assert response["Location"].startswith(f"{CALLBACK}?")
    answer = parameters_of(response["Location"])
    assert answer["error"] == error
    assert answer["iss"] == settings.PUBLIC_URL
    assert answer.get("state", "") == state
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", answer.get("error_description", ""))
    assert not AppSignIn.objects.exists()


def test_a_redirect_uri_that_is_not_registered(program, browser):
    for address in SIMILAR:
        assert_page(program.authorize(browser, redirect_uri=address))


def test_an_unknown_application(program, browser):
    for client_id in (None, "app_unknown", "", "app_" + "x" * 500, "'; DROP TABLE users", "ä", '"'):
        assert_page(program.authorize(browser, client_id=client_id))


def test_an_application_that_is_switched_off(program, browser):
    change(program.application, is_active=False)
    assert_page(program.authorize(browser))


def test_two_of_what_says_where_to_answer(program, browser):
    for name in ("client_id", "redirect_uri"):
        value = program.request()[name]
        assert_page(browser.get(f"{program.address()}&{urlencode({name: value})}"))


def test_two_of_another_parameter(program, browser):
    sent = program.request(prompt="login", made_up="1")
    for name in ("response_type", "scope", "nonce", "code_challenge", "prompt", "made_up"):
        assert_told(browser.get(f"{program.address(**sent)}&{urlencode({name: sent[name]})}"), "invalid_request")


def test_two_states(program, browser):
    assert_told(browser.get(f"{program.address()}&state=other"), "invalid_request", state="")


def test_a_state_that_is_too_long_or_odd(program, browser):
    for state in ("x" * 2049, "x" * 10_240, "ä" * 10, "a\r\nSet-Cookie: b=c", "a\tb"):
        assert_page(program.authorize(browser, state=state))


def test_a_state_of_2_kb_comes_back_as_it_was(program, browser):
    state = ('{"a": "&=?#% +/"}' * 200)[:2048]
    assert parameters_of(program.authorize(browser, state=state)["Location"])["state"] == state


def test_a_request_of_a_hundred_kilobytes(program, browser):
    assert_page(program.authorize(browser, made_up="x" * 100_000))
    assert_page(program.post("/oauth/authorize", program.request(made_up="x" * 100_000)))


def test_what_is_no_query(browser, program):
    for query in ("%00", "client_id=%ff", "&&&&", "a=b&" * 100, "client_id=\x00", "=", "client_id[]=1"):
        assert_page(browser.get("/oauth/authorize", QUERY_STRING=query))


REFUSED = [
    ("invalid_request", {"response_type": None}),
    ("unsupported_response_type", {"response_type": "token"}),
    ("unsupported_response_type", {"response_type": "code id_token"}),
    ("unsupported_response_type", {"response_type": 'x"y\\ä'}),
    ("invalid_request", {"response_mode": "fragment"}),
    ("invalid_request", {"response_mode": "form_post"}),
    ("invalid_request", {"code_challenge": None}),
    ("invalid_request", {"code_challenge_method": None}),
    ("invalid_request", {"code_challenge_method": "plain"}),
    ("invalid_request", {"code_challenge_method": "s256"}),
    ("invalid_request", {"code_challenge": None, "code_challenge_method": None}),
    ("invalid_request", {"code_challenge": "short"}),
    ("invalid_request", {"code_challenge": "x" * 44}),
    ("invalid_request", {"code_challenge": "ä" * 43}),
    ("invalid_scope", {"scope": None}),
    ("invalid_scope", {"scope": "everything"}),
    ("invalid_request", {"nonce": "x" * 513}),
    ("invalid_request", {"prompt": "none login"}),
    ("invalid_request", {"prompt": "made_up"}),
    ("invalid_request", {"max_age": "-1"}),
    ("invalid_request", {"max_age": "soon"}),
    ("invalid_request", {"max_age": "1" * 30}),
    ("invalid_request", {"max_age": "٣"}),
    ("request_not_supported", {"request": "eyJhbGciOiJub25lIn0.e30."}),
    ("request_uri_not_supported", {"request_uri": "https://evil.example/request"}),
    ("registration_not_supported", {"registration": "{}"}),
]


def test_what_the_standards_refuse(program, browser):
    for error, sent in REFUSED:
        assert_told(program.authorize(browser, **sent), error)


def test_an_error_without_a_state_has_none(program, browser):
    assert_told(program.authorize(browser, state=None, response_type="token"), "unsupported_response_type", state="")


def test_no_page_may_be_shown_and_nobody_is_signed_in(program, client):
    assert_told(program.authorize(client, prompt="none"), "login_required")


def test_no_page_may_be_shown_and_the_sign_in_is_too_old(program, browser, cast):
    assert_told(program.authorize(browser, prompt="none", max_age="0"), "login_required")


@pytest.mark.parametrize("duty", ["must_change_password", "must_add_factor"])
def test_no_page_may_be_shown_and_something_comes_first(program, browser, cast, duty):
    change(cast.researcher, **{duty: True})
    assert_told(program.authorize(browser, prompt="none"), "interaction_required")
    response = program.authorize(browser)
    assert response["Location"].split("?")[0] in {"/password", "/profile/security"}
    assert parameters_of(response["Location"])["next"].startswith("/oauth/authorize?")


def test_a_hint_of_another_person_or_issuer(program, browser, cast):
    tokens = program.tokens(page_client(cast.viewer))
    assert "code=" in program.authorize(browser)["Location"]
    AppSignIn.objects.all().delete()
    forged = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSIsInN1YiI6IjEifQ."
    for hint in (tokens["id_token"], forged, "x", "..", tokens["id_token"][:-3] + "abc"):
        assert_told(program.authorize(browser, prompt="none", id_token_hint=hint), "login_required")


def test_the_hint_of_the_person_who_is_signed_in(program, browser):
    hint = program.tokens(browser)["id_token"]
    assert "code=" in program.authorize(browser, prompt="none", id_token_hint=hint)["Location"]


def test_a_person_whom_no_role_lets_in(cast, browser):
    program = make_program("LIMS", "manager", "veterinarian")
    response = program.authorize(browser)
    assert response.status_code == 403
    page = response.content.decode()
    assert "Manager" in page
    assert "Veterinarian" in page
    back = re.search(rf'href="({re.escape(CALLBACK)}[^"]*)"', page)[1].replace("&amp;", "&")
    assert parameters_of(back).items() >= {"error": "access_denied", "state": program.state}.items()
    assert_told(program.authorize(browser, prompt="none"), "access_denied")
    refused = AuditLog.objects.get(action="app_denied")
    assert (refused.username, refused.resource_name, refused.success) == ("the-researcher", "LIMS", False)


def test_the_role_lets_in_with_the_next_click(cast, browser):
    program = make_program("LIMS", "manager")
    assert program.authorize(browser).status_code == 403
    cast.researcher.roles.add(*cast.manager.roles.all())
    assert "code=" in program.authorize(browser)["Location"]


def test_a_role_that_vanished_opens_the_application_to_nobody(cast, browser):
    program = make_program("LIMS", "manager")
    program.application.roles.clear()
    assert program.authorize(browser).status_code == 403


def test_no_other_site_is_ever_led_to(program, browser):
    """Whatever parameters carry another site's address, no answer leads there."""
    for name in ("redirect_uri", "request_uri", "next", "state", "login_hint", "id_token_hint", "client_id"):
        sent = program.request() | {name: "https://evil.example/"}
        for caller in (browser, browser.__class__(raise_request_exception=False)):
            response = caller.get(f"/oauth/authorize?{urlencode(sent)}")
            where = response.get("Location", "")
            assert where.startswith((f"{CALLBACK}?", "/login?")) or response.status_code == 400, (name, where)
            assert response.status_code < 500


@pytest.mark.parametrize("method", ["head", "put", "patch", "delete", "options"])
def test_other_methods(client, method, program):
    assert getattr(client, method)("/oauth/authorize").status_code == 405


def test_a_posted_body_that_is_no_form(client, program):
    response = client.post("/oauth/authorize", {"client_id": "x"}, content_type="application/json")
    assert_page(response)
    response = client.post("/oauth/authorize", {"client_id": "x"})  # multipart
    assert_page(response)


def test_the_kind_of_application_makes_no_difference(cast, browser):
    program = make_program(kind=Application.Kind.PUBLIC)
    assert_told(program.authorize(browser, code_challenge=None, code_challenge_method=None), "invalid_request")
    assert_page(program.authorize(browser, redirect_uri=quote(CALLBACK)))
