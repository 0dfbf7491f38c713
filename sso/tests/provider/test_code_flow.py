"""A person signs in at a program: authorization code, tokens, claims, refresh."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import UUID
from sso.ending.services import end_lost_sign_ins
from sso.models import Application, AppSignIn, SigningAlgorithm
from sso.tests.support.program import CALLBACK, SECRET, change, make_program, parameters_of

pytestmark = pytest.mark.django_db


def test_a_person_who_is_signed_in_comes_back_with_a_code(program, browser):
    answer = parameters_of(program.authorize(browser)["Location"])
    assert answer["state"] == program.state
    assert answer["iss"] == settings.PUBLIC_URL
    assert answer["code"].startswith("rpc_")


@pytest.mark.parametrize("algorithm", SigningAlgorithm.values)
def test_a_code_is_exchanged_for_tokens_and_a_signed_id_token(cast, browser, algorithm):
    program = make_program(signing_alg=algorithm)
    tokens = program.tokens(browser)
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 300
    claims = program.claims(tokens["id_token"])
    session = Session.objects.get(user=cast.researcher)
    assert claims == {
        "iss": settings.PUBLIC_URL,
        "aud": program.application.client_id,
        "sub": UUID,
        "nonce": program.nonce,
        "iat": claims["iat"],
        "exp": claims["iat"] + 600,
        "auth_time": int(session.confirmed_at.timestamp()),
        "amr": ["pwd"],
        "at_hash": claims["at_hash"],
        "sid": claims["sid"],
        "preferred_username": "the-researcher",
        "name": "the-researcher",
        "updated_at": int(cast.researcher.updated_at.timestamp()),
        "email": "the-researcher@lab.example",
        "email_verified": False,
        "roles": ["researcher"],
        "groups": ["researcher"],
        "permissions": [],
    }
    assert claims["sid"] not in str(session.pk)


def test_userinfo_has_the_same_claims(program, browser):
    tokens = program.tokens(browser)
    told = program.claims(tokens["id_token"])
    for method in ("get", "post"):
        response = program.userinfo(tokens["access_token"], method)
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        assert response.json().items() <= told.items()
        assert response.json()["groups"] == ["researcher"]


def test_scope_openid_alone_tells_nothing_personal(program, browser):
    tokens = program.tokens(browser, scope="openid")
    assert set(program.claims(tokens["id_token"])) == {
        *("iss", "aud", "sub", "nonce", "iat", "exp", "auth_time", "amr", "at_hash", "sid"),
    }
    assert set(program.userinfo(tokens["access_token"]).json()) == {"sub", "sid"}


def test_a_subject_stays_and_a_session_id_differs_by_program(program, browser):
    other = make_program("JupyterHub")
    told = [one.claims(one.tokens(browser)["id_token"]) for one in (program, program, other)]
    assert len({claims["sub"] for claims in told}) == 1
    assert [claims["sid"] == told[0]["sid"] for claims in told] == [True, True, False]


def test_a_public_program_needs_no_secret(cast, browser):
    program = make_program(kind=Application.Kind.PUBLIC)
    tokens = program.tokens(browser)
    assert program.userinfo(tokens["access_token"]).status_code == 200
    assert program.refresh(tokens["refresh_token"]).status_code == 200


def test_a_secret_may_be_sent_in_the_body(program, browser):
    body = {"client_id": program.application.client_id, "client_secret": SECRET, "grant_type": "authorization_code"}
    body |= {"code": program.code(browser), "redirect_uri": program.application.redirect_uris[0]}
    assert program.post("/oauth/token", body | {"code_verifier": program.verifier}).status_code == 200


def test_a_sign_in_is_recorded(program, browser, cast):
    code = program.code(browser)
    with audit_rows() as rows:
        program.redeem(code)
    assert [row.action for row in rows] == ["create"]  # the first signing key
    with audit_rows() as rows:
        program.tokens(browser)
    assert [(row.action, row.resource, row.resource_name, row.username) for row in rows] == [
        ("app_login", "application", "Grafana", "the-researcher")
    ]
    assert rows[0].session_id == Session.objects.get(user=cast.researcher).pk


def test_tokens_are_stored_as_hashes_alone(program, browser):
    tokens = program.tokens(browser)
    stored = str(list(AppSignIn.objects.values())) + str(list(AuditLog.objects.values()))
    assert not any(value in stored for name, value in tokens.items() if name.endswith("token"))


def test_a_refresh_token_is_exchanged_for_new_tokens(program, browser):
    old = program.tokens(browser)
    response = program.refresh(old["refresh_token"])
    assert response.status_code == 200
    new = response.json()
    assert set(new) == set(old)
    assert "nonce" not in program.claims(new["id_token"])
    assert program.claims(new["id_token"])["auth_time"] == program.claims(old["id_token"])["auth_time"]
    assert program.userinfo(new["access_token"]).status_code == 200
    assert program.userinfo(old["access_token"]).status_code == 401


def test_a_refresh_keeps_the_page_session_alive(program, browser, cast):
    refresh_token = program.tokens(browser)["refresh_token"]
    long_ago = timezone.now() - timedelta(minutes=50)
    Session.objects.filter(user=cast.researcher).update(last_used_at=long_ago)
    before = Session.objects.get(user=cast.researcher)
    assert program.refresh(refresh_token).status_code == 200
    after = Session.objects.get(user=cast.researcher)
    assert after.last_used_at > long_ago
    assert after.expires_at > before.expires_at


def test_offline_access_has_a_session_of_its_own_where_it_is_allowed(cast, browser):
    program = make_program(offline_access=True)
    tokens = program.tokens(browser, scope="openid offline_access")
    assert tokens["scope"] == "openid offline_access"
    kinds = dict(Session.objects.filter(user=cast.researcher).values_list("kind", "expires_at"))
    assert set(kinds) == {"page", "app"}
    assert kinds["app"] > timezone.now() + timedelta(days=20)
    browser.post("/logout")
    assert program.refresh(tokens["refresh_token"]).status_code == 200


def test_a_session_of_its_own_ends_with_its_sign_in(cast, browser, make_role):
    program = make_program(offline_access=True)
    own = Session.objects.alive().filter(user=cast.researcher, kind="app")
    tokens = program.tokens(browser, scope="openid offline_access")
    program.call("/oauth/revoke", token=tokens["refresh_token"])
    assert not own.exists()
    # As well where this server ends it by itself.
    tokens = program.tokens(browser, scope="openid offline_access")
    assert own.exists()
    role = make_role("Night shift")
    with explicitly_recorded():
        program.application.roles.add(role)
    assert end_lost_sign_ins() == 1
    assert not own.exists()
    assert program.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert Session.objects.alive().filter(user=cast.researcher, kind="page").exists()


def test_a_registered_query_stays_letter_by_letter(browser, cast):
    uri = f"{CALLBACK}?p=%ff&a&b=1;c=2"
    program = make_program(redirect_uris=[uri])
    location = program.authorize(browser, redirect_uri=uri)["Location"]
    assert location.startswith(f"{uri}&code=rpc_")


def test_offline_access_is_passed_over_where_it_is_not(program, browser, cast):
    tokens = program.tokens(browser, scope="openid offline_access")
    assert tokens["scope"] == "openid"
    browser.post("/logout")
    assert program.userinfo(tokens["access_token"]).status_code == 401
    assert program.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_nobody_signed_in_leads_to_the_sign_in_and_back(program, client, cast):
    response = program.authorize(client, login_hint="the-viewer")
    assert response.status_code == 302
    page, sent = response["Location"].partition("?")[0], parameters_of(response["Location"])
    assert page == "/login"
    assert set(sent) == {"next"}
    assert sent["next"].startswith("/oauth/authorize?")
    assert parameters_of(sent["next"])["login_hint"] == "the-viewer"


def test_a_form_that_is_posted_becomes_a_get(program, browser):
    response = program.post("/oauth/authorize", program.request())
    assert response.status_code == 302
    assert browser.get(response["Location"])["Location"].startswith(program.application.redirect_uris[0])


def test_an_address_that_a_link_has_proven_is_told_as_verified(program, browser, cast):
    change(cast.researcher, email_verified_at=timezone.now())
    assert program.claims(program.tokens(browser)["id_token"])["email_verified"] is True
