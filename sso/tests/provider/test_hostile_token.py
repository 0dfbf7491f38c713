"""Bad input at the token endpoint and its neighbours: an error by the RFC, in JSON that no cache keeps, and no 5xx."""

import base64
import logging

import pytest
from django.db import connection

from audit.models import AuditLog
from reprotech.testing.cast import at_once, audit_rows
from reprotech.testing.client import page_client
from sso.models import Application, AppSignIn
from sso.sign_ins.secrets import hash_secret
from sso.tests.support.program import SECRET, change, make_program

pytestmark = pytest.mark.django_db

ENDPOINTS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")


def assert_refused(response, error, status=400):
    assert response.status_code == status, response.content
    assert response.json()["error"] == error, response.content
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"


def assert_over(program, tokens):
    """Nothing that was given out is good any more."""
    assert program.userinfo(tokens["access_token"]).status_code == 401
    assert_refused(program.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_twice_ends_what_the_first_one_made(program, browser):
    code = program.code(browser)
    tokens = program.redeem(code).json()
    with audit_rows() as rows:
        assert_refused(program.redeem(code), "invalid_grant")
    assert_over(program, tokens)
    assert [(row.action, row.success, row.details["reason"]) for row in rows] == [("logout", False, "code_reuse")]


@pytest.mark.django_db(transaction=True)
def test_of_a_code_twice_at_once_one_wins_and_what_it_made_ends(program, browser):
    code = program.code(browser)
    answers = at_once(*[lambda: program.redeem(code)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    tokens = next(answer.json() for answer in answers if answer.status_code == 200)
    assert_over(program, tokens)
    assert AppSignIn.objects.get().end_reason == "code_reuse"


def test_a_code_of_another_program(program, browser):
    other = make_program("JupyterHub")
    code = program.code(browser)
    with audit_rows() as rows:
        assert_refused(other.redeem(code, code_verifier=program.verifier), "invalid_grant")
        assert_refused(other.redeem(code, code_verifier=program.verifier), "invalid_grant")
    assert [(row.action, row.resource_name) for row in rows] == [("app_denied", "JupyterHub")]
    assert program.redeem(code).status_code == 200


def test_a_code_that_has_expired(program, browser):
    code = program.code(browser)
    sign_in = AppSignIn.objects.get()
    change(sign_in, code_expires_at=sign_in.created_at)
    assert_refused(program.redeem(code), "invalid_grant")


def test_what_is_taken_between_code_and_token(program, browser, cast):
    code = program.code(browser)
    browser.post("/logout")
    assert_refused(program.redeem(code), "invalid_grant")


BAD_REDEMPTIONS = [
    ("invalid_grant", {"code": "rpc_" + "0" * 64}),
    ("invalid_grant", {"code": "x" * 5000}),
    ("invalid_grant", {"code": "ä\"'\\"}),
    ("invalid_request", {"code": None}),
    ("invalid_request", {"code_verifier": None}),
    ("invalid_request", {"code_verifier": "short"}),
    ("invalid_grant", {"code_verifier": "x" * 43}),
    ("invalid_grant", {"redirect_uri": None}),
    ("invalid_grant", {"redirect_uri": "https://grafana.lab.example/other"}),
    ("invalid_request", {"grant_type": None}),
    ("unsupported_grant_type", {"grant_type": "password"}),
    ("unsupported_grant_type", {"grant_type": 'x"ä'}),
    ("unsupported_grant_type", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}),
]


def test_a_redemption_that_is_not_right(program, browser):
    code = program.code(browser)
    for error, sent in BAD_REDEMPTIONS:
        assert_refused(program.redeem(**{"code": code, **sent}), error)
    assert program.redeem(code).status_code == 200


def test_the_challenge_itself_is_no_verifier(program, browser):
    assert_refused(program.redeem(program.code(browser), code_verifier=program.challenge), "invalid_grant")


def test_a_refresh_token_twice_ends_the_sign_in(program, browser):
    first = program.tokens(browser)
    second = program.refresh(first["refresh_token"]).json()
    with audit_rows() as rows:
        assert_refused(program.refresh(first["refresh_token"]), "invalid_grant")
    assert_over(program, second)
    assert [row.details["reason"] for row in rows] == ["refresh_reuse"]


@pytest.mark.django_db(transaction=True)
def test_of_a_refresh_token_twice_at_once_one_wins_and_the_sign_in_ends(program, browser):
    refresh_token = program.tokens(browser)["refresh_token"]
    answers = at_once(*[lambda: program.refresh(refresh_token)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert_over(program, next(answer.json() for answer in answers if answer.status_code == 200))


def test_a_refresh_token_of_another_program(program, browser):
    tokens, other = program.tokens(browser), make_program("JupyterHub")
    with audit_rows() as rows:
        assert_refused(other.refresh(tokens["refresh_token"]), "invalid_grant")
    assert [row.resource_name for row in rows] == ["JupyterHub"]
    assert program.refresh(tokens["refresh_token"]).status_code == 200


def test_more_scopes_than_were_given(program, browser):
    tokens = program.tokens(browser, scope="openid")
    assert_refused(program.refresh(tokens["refresh_token"], scope="openid email"), "invalid_scope")


def test_one_kind_of_token_in_place_of_another(program, browser):
    tokens = program.tokens(browser)
    assert_refused(program.refresh(tokens["access_token"]), "invalid_grant")
    assert program.userinfo(tokens["refresh_token"]).status_code == 401
    assert program.userinfo(tokens["id_token"]).status_code == 401


WRONG_CREDENTIALS = [
    {"HTTP_AUTHORIZATION": "Basic"},
    {"HTTP_AUTHORIZATION": "Basic !!!!"},
    {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"no colon").decode()},
    {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
    {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"app_unknown:" + SECRET.encode()).decode()},
    {"HTTP_AUTHORIZATION": "Bearer " + SECRET},
    {"HTTP_AUTHORIZATION": "Basic \xff"},
    {"HTTP_AUTHORIZATION": "Digest x"},
    {},
]


def test_wrong_credentials(program, settings):
    settings.RATE_LIMIT_ENABLED = False
    body = {"grant_type": "client_credentials", "token": "x"}
    known = program.application.client_id
    for path in ENDPOINTS:
        for headers in WRONG_CREDENTIALS:
            response = program.post(path, body, **headers)
            assert_refused(response, "invalid_client", 401)
            assert response["WWW-Authenticate"] == 'Basic realm="Reprotech"'
        for secret in ("", "wrong", SECRET[:-1], SECRET.upper(), "x" * 10_000):
            assert_refused(program.post(path, body, basic=(known, secret)), "invalid_client", 401)
            assert_refused(
                program.post(path, {**body, "client_id": known, "client_secret": secret}), "invalid_client", 401
            )


def test_two_ways_at_once(program):
    body = {"grant_type": "client_credentials", "token": "x"}
    basic = (program.application.client_id, SECRET)
    for path in ENDPOINTS:
        assert_refused(program.post(path, body | {"client_secret": SECRET}, basic=basic), "invalid_request")
        assert_refused(program.post(path, body | {"client_id": "app_other"}, basic=basic), "invalid_request")
        assert_refused(program.post(path, body | {"client_id": [basic[0]] * 2}), "invalid_request")


def test_a_public_program_has_no_secret(cast):
    program = make_program(kind=Application.Kind.PUBLIC)
    body = {"grant_type": "refresh_token", "refresh_token": "x"}
    assert_refused(
        program.post("/oauth/token", body, basic=(program.application.client_id, "x")), "invalid_client", 401
    )
    # And may not ask what only a program with a secret may.
    assert_refused(program.call("/oauth/introspect", token="x"), "invalid_client", 401)


def test_an_application_that_is_switched_off(program, browser):
    tokens = program.tokens(browser)
    change(program.application, is_active=False)
    assert_refused(program.refresh(tokens["refresh_token"]), "invalid_client", 401)
    assert program.userinfo(tokens["access_token"]).status_code == 401


def test_a_secret_that_is_guessed_at(program, settings):
    settings.RATE_LIMIT_ENABLED = True
    basic = (program.application.client_id, "guess")
    with audit_rows() as rows:
        statuses = [program.post("/oauth/token", {"grant_type": "x"}, basic=basic).status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert [(row.action, row.resource_name) for row in rows] == [("access_denied", "Grafana")]
    response = program.post("/oauth/token", {"grant_type": "x"}, basic=basic)
    assert int(response["Retry-After"]) > 0
    # The program itself isn't kept out by what others at its address send.
    assert_refused(program.call("/oauth/token", grant_type="refresh_token", refresh_token="rpr_x"), "invalid_grant")
    body = {"grant_type": "refresh_token", "refresh_token": "rpr_x"}
    guess = program.post("/oauth/token", body, basic=basic, REMOTE_ADDR="192.0.2.77")
    assert_refused(guess, "invalid_client", 401)


BODIES = [
    (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
    (b"grant_type=%ff", "application/x-www-form-urlencoded"),
    (b"grant_type=a%00", "application/x-www-form-urlencoded"),
    (b"a=b&" * 200, "application/x-www-form-urlencoded"),
    (b"grant_type=a&grant_type=a", "application/x-www-form-urlencoded"),
    (b'{"grant_type": "authorization_code"}', "application/json"),
    (b"", ""),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
    (b"x", "text/plain; charset=\xff"),
]


def test_what_is_no_form(program, client):
    for path in ENDPOINTS:
        for body, kind in BODIES:
            response = client.generic("POST", path, body, content_type=kind)
            assert_refused(response, "invalid_request")


@pytest.mark.parametrize(
    "basic", [("app\0", "y"), ("app%00x", "y"), ("app", "\0"), ("app", "%00"), ("app\ud7ff\n", "y")]
)
def test_credentials_with_characters_that_none_have(program, client, basic):
    for path in (*ENDPOINTS, "/oauth/device"):
        assert_refused(program.post(path, {"grant_type": "x"}, basic=basic), "invalid_client", 401)
    credentials = base64.b64encode(":".join(basic).encode()).decode()
    answer = client.get("/api/applications/self/permissions", HTTP_AUTHORIZATION=f"Basic {credentials}")
    assert answer.status_code == 401


@pytest.mark.parametrize("path", [*ENDPOINTS, "/oauth/userinfo", "/oauth/jwks", "/.well-known/openid-configuration"])
def test_other_methods(client, path, db):
    assert client.put(path).status_code == 405
    assert client.delete(path).status_code == 405


def test_a_query_is_no_body(program, browser):
    code = program.code(browser)
    query = f"grant_type=authorization_code&code={code}&code_verifier={program.verifier}"
    assert_refused(program.post(f"/oauth/token?{query}", ""), "invalid_request")


def test_userinfo_without_a_good_token(program, client):
    for header in ("", "Bearer", "Bearer ", "Bearer x y", "Bearer rpo_", f"Basic {SECRET}", "Bearer \xff", "rpo_x"):
        response = client.get("/oauth/userinfo", HTTP_AUTHORIZATION=header)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith('Bearer realm="Reprotech"')
    # Neither in the query, where logs would keep it.
    assert client.get("/oauth/userinfo?access_token=rpo_x").status_code == 401


def test_introspection_tells_others_nothing(program, browser):
    tokens, other = program.tokens(browser), make_program("JupyterHub")
    for name in ("access_token", "refresh_token"):
        assert other.call("/oauth/introspect", token=tokens[name]).json() == {"active": False}
        assert program.call("/oauth/introspect", token=tokens[name]).json()["active"] is True
    for token in (tokens["id_token"], "x", "x" * 100_000, "rpo_", "ä"):
        assert program.call("/oauth/introspect", token=token).json() == {"active": False}
    assert_refused(program.call("/oauth/introspect"), "invalid_request")


def test_revocation_of_others_tokens_changes_nothing(program, browser):
    tokens, other = program.tokens(browser), make_program("JupyterHub")
    for token in (*tokens.values(), "x", "x" * 100_000):
        assert other.call("/oauth/revoke", token=str(token)).status_code == 200
    assert program.userinfo(tokens["access_token"]).status_code == 200
    assert_refused(program.call("/oauth/revoke"), "invalid_request")


def test_a_revoked_refresh_token_ends_the_sign_in(program, browser):
    tokens = program.tokens(browser)
    with audit_rows() as rows:
        assert program.call("/oauth/revoke", token=tokens["refresh_token"], token_type_hint="x").status_code == 200
    assert_over(program, tokens)
    assert [(row.action, row.resource, row.success) for row in rows] == [("logout", "application", True)]


def test_a_revoked_access_token_leaves_the_refresh_token(program, browser):
    tokens = program.tokens(browser)
    assert program.call("/oauth/revoke", token=tokens["access_token"]).status_code == 200
    assert program.userinfo(tokens["access_token"]).status_code == 401
    assert program.refresh(tokens["refresh_token"]).status_code == 200


def test_nothing_secret_is_logged(program, browser, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("authlib").setLevel(logging.WARNING)  # as the settings do
    code = program.code(browser)
    tokens = program.redeem(code).json()
    tokens |= {f"new_{name}": value for name, value in program.refresh(tokens["refresh_token"]).json().items()}
    program.post("/oauth/token", {"grant_type": "x"}, basic=(program.application.client_id, "guessed-secret"))
    secrets = [value for name, value in tokens.items() if name.endswith("token")]
    for secret in (code, program.verifier, SECRET, "guessed-secret", *secrets, *map(hash_secret, secrets)):
        assert secret not in caplog.text
        assert not any(secret in str(row) for row in AuditLog.objects.values())


def test_the_settings_silence_authlib(settings):
    assert settings.LOGGING["loggers"]["authlib"]["level"] == "WARNING"


@pytest.mark.parametrize("loss", ["locked", "role", "signed out"])
def test_whatever_is_lost_ends_all_at_the_next_call(cast, loss):
    program = make_program("LIMS", "researcher")
    browser = page_client(cast.researcher)
    tokens = program.tokens(browser)
    assert program.userinfo(tokens["access_token"]).status_code == 200
    if loss == "role":
        cast.researcher.roles.clear()
    elif loss == "locked":
        change(cast.researcher, locked_at=cast.researcher.created_at)
    else:
        browser.post("/logout")
    assert program.call("/oauth/introspect", token=tokens["access_token"]).json() == {"active": False}
    assert_over(program, tokens)


def test_a_database_that_is_away(program, monkeypatch):
    from django.db import OperationalError

    def fail(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", fail)
    monkeypatch.setattr("sso.applications.secrets.authenticate_client", fail)
    response = program.refresh("rpr_x")
    assert_refused(response, "temporarily_unavailable", 503)
    assert response["Retry-After"] == "30"
