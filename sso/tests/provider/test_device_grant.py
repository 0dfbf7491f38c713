"""A device without a browser is signed in by a person elsewhere (RFC 8628)."""

from datetime import timedelta
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import at_once, audit_rows
from sso.models import Application, AppSignIn, DeviceRequest
from sso.tests.support.program import change, make_program

pytestmark = pytest.mark.django_db

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def program(cast):
    return make_program("Balance 3", "researcher", kind=Application.Kind.PUBLIC, redirect_uris=[], device_grant=True)


@pytest.fixture
def asked(program):
    response = program.call("/oauth/device", scope="openid profile roles")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    return response.json()


def poll(program, asked, **changes):
    # As if it had waited.
    DeviceRequest.objects.update(last_polled_at=None)
    return program.call("/oauth/token", grant_type=GRANT, device_code=asked["device_code"], **changes)


def decide(browser, asked, how="approve"):
    assert browser.post(f"/device/{how}", {"user_code": asked["user_code"]}).status_code == 200


def assert_refused(response, error):
    assert response.status_code == 400
    assert response.json()["error"] == error


def test_a_device_learns_what_to_show_and_how_to_ask(asked):
    assert asked["device_code"].startswith("rpd_")
    assert asked["verification_uri"] == f"{settings.PUBLIC_URL}/device"
    assert (
        asked["verification_uri_complete"]
        == f"{settings.PUBLIC_URL}/device?{urlencode({'user_code': asked['user_code']})}"
    )
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert asked["device_code"] not in str(DeviceRequest.objects.values())


def test_a_person_signs_it_in(program, asked, browser, cast):
    assert_refused(poll(program, asked), "authorization_pending")
    decide(browser, asked)
    with audit_rows() as rows:
        response = poll(program, asked)
    assert response.status_code == 200
    tokens = response.json()
    claims = program.claims(tokens["id_token"])
    assert claims["preferred_username"] == "the-researcher"
    assert claims["auth_time"] == int(Session.objects.get(user=cast.researcher).confirmed_at.timestamp())
    assert claims["amr"] == ["pwd"]
    assert program.userinfo(tokens["access_token"]).json()["roles"] == ["researcher"]
    assert program.refresh(tokens["refresh_token"]).status_code == 200
    assert [row.action for row in rows if row.resource == "application"] == ["app_login"]


def test_the_device_is_signed_out_with_the_person(program, asked, browser):
    decide(browser, asked)
    tokens = poll(program, asked).json()
    browser.post("/logout")
    assert program.userinfo(tokens["access_token"]).status_code == 401


def test_offline_access_outlives_the_page_session(cast, browser):
    fields = {"kind": Application.Kind.PUBLIC, "redirect_uris": [], "device_grant": True}
    program = make_program("Balance 4", offline_access=True, **fields)
    asked = program.call("/oauth/device", scope="openid offline_access").json()
    decide(browser, asked)
    tokens = poll(program, asked).json()
    browser.post("/logout")
    assert program.refresh(tokens["refresh_token"]).status_code == 200
    assert Session.objects.get(user=cast.researcher, kind="app").expires_at > timezone.now() + timedelta(days=20)


def test_a_device_that_asks_too_often_must_wait_longer(program, asked):
    body = {"grant_type": GRANT, "device_code": asked["device_code"]}
    assert_refused(program.call("/oauth/token", **body), "authorization_pending")
    assert_refused(program.call("/oauth/token", **body), "slow_down")
    assert DeviceRequest.objects.get().interval == 10
    for _ in range(20):
        assert_refused(program.call("/oauth/token", **body), "slow_down")
    assert DeviceRequest.objects.get().interval == 60


def test_refused(program, asked, browser):
    decide(browser, asked, "refuse")
    assert_refused(poll(program, asked), "access_denied")
    assert not AppSignIn.objects.exists()


def test_expired(program, asked, browser):
    change_request(expires_at=timezone.now() - timedelta(seconds=1))
    assert_refused(poll(program, asked), "expired_token")
    assert browser.post("/device/approve", {"user_code": asked["user_code"]}).status_code == 422


def change_request(**values):
    DeviceRequest.objects.update(**values)


def test_a_device_code_is_used_once(program, asked, browser):
    decide(browser, asked)
    assert poll(program, asked).status_code == 200
    assert_refused(poll(program, asked), "invalid_grant")


@pytest.mark.django_db(transaction=True)
def test_of_two_polls_at_once_one_gets_tokens(program, asked, browser):
    decide(browser, asked)
    body = {"grant_type": GRANT, "device_code": asked["device_code"]}
    answers = at_once(*[lambda: program.call("/oauth/token", **body)] * 3)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
    assert AppSignIn.objects.count() == 1


def test_the_code_of_another_program(program, asked, browser):
    decide(browser, asked)
    other = make_program("JupyterHub", device_grant=True)
    assert_refused(poll(other, asked), "invalid_grant")
    assert poll(program, asked).status_code == 200


@pytest.mark.parametrize("loss", ["role", "locked", "signed out", "duty"])
def test_what_was_taken_meanwhile_counts(program, asked, browser, cast, loss):
    decide(browser, asked)
    if loss == "role":
        cast.researcher.roles.clear()
    elif loss == "locked":
        change(cast.researcher, locked_at=cast.researcher.created_at)
    elif loss == "duty":
        change(cast.researcher, must_change_password=True)
    else:
        browser.post("/logout")
    assert_refused(poll(program, asked), "access_denied")
    assert not AppSignIn.objects.exists()
    assert not AuditLog.objects.filter(action="app_login").exists()


def test_bad_input(program, asked):
    for body in ({}, {"scope": "everything"}):
        assert program.call("/oauth/device", **body).json()["error"] == "invalid_scope"
    assert program.post("/oauth/device", {"scope": "openid"}).status_code == 401
    assert program.post("/oauth/device", {"scope": ["openid", "roles"], "client_id": "x"}).status_code == 400
    for code in ("x", "rpd_" + "0" * 64, asked["user_code"], "ä", "x" * 10_000):
        response = program.call("/oauth/token", grant_type=GRANT, device_code=code)
        assert_refused(response, "invalid_grant")
    assert_refused(program.call("/oauth/token", grant_type=GRANT), "invalid_request")
    assert program.call("/oauth/device", scope="openid\0").json()["error"] == "invalid_request"


def test_a_flood_of_requests(program, settings):
    settings.RATE_LIMIT_ENABLED = True
    statuses = [program.call("/oauth/device", scope="openid").status_code for _ in range(62)]
    assert statuses == [200] * 60 + [429] * 2


def test_an_application_without_the_device_grant_is_refused_everywhere(cast, browser, program, asked):
    other = make_program("Grafana")
    assert_refused(other.call("/oauth/device", scope="openid"), "unauthorized_client")
    body = {"grant_type": GRANT, "device_code": asked["device_code"]}
    assert_refused(other.call("/oauth/token", **body), "unauthorized_client")
    change(program.application, device_grant=False)
    assert browser.post("/device/approve", {"user_code": asked["user_code"]}).status_code == 422
    assert_refused(poll(program, asked), "unauthorized_client")
    assert not AppSignIn.objects.exists()


def test_switched_off_between_allowing_and_polling_signs_nothing_in(program, asked, browser):
    decide(browser, asked)
    change(program.application, device_grant=False)
    assert_refused(poll(program, asked), "unauthorized_client")
    assert not AppSignIn.objects.exists()


def test_the_migration_keeps_it_on_for_those_that_used_it(cast, program, asked, browser):
    decide(browser, asked)
    assert poll(program, asked).status_code == 200
    DeviceRequest.objects.all().delete()
    waiting, grafana = make_program("Balance 5", device_grant=True), make_program("Grafana")
    waiting.call("/oauth/device", scope="openid")
    grafana.tokens(browser)
    with explicitly_recorded():
        Application.objects.update(device_grant=False)
        with connection.cursor() as cursor:
            cursor.execute(import_module("sso.migrations.0005_device_grant").KEEP_DEVICES)
    on = Application.objects.filter(device_grant=True)
    assert set(on) == {program.application, waiting.application}
