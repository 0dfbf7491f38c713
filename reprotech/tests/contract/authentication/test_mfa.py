"""The API of the second factor: signing in with one, what it says of it, resetting, and what roles require."""

import time
from uuid import uuid4

import jwt
import pytest

from accounts.models import Role, TotpKey, User
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import TOKEN, Caller, error_of
from reprotech.tests.support.mfa_devices import code_at, give_app

pytestmark = pytest.mark.django_db

REQUIRED = {"error": "A second factor is required", "code": "mfa_required", "mfa_token": TOKEN, "kinds": ["totp"]}
WRONG = {"error": "Invalid code", "code": "invalid_otp"}
BROKEN = {"error": "Token is invalid or expired", "code": "token_invalid"}


@pytest.fixture
def app(cast):
    return give_app(cast.viewer)


def login(password=PASSWORD, username="the-viewer", **more):
    return Caller().post("/api/auth/login", {"username": username, "password": password, **more})


def second_step(token, otp):
    return Caller().post("/api/auth/login/mfa", {"mfa_token": token, "otp": otp})


def said(response):
    return response.status_code, error_of(response)


@pytest.mark.parametrize(("seconds", "code"), [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")])
def test_the_independent_app_of_these_tests_knows_the_vectors_of_the_rfc(seconds, code):
    assert code_at(b"12345678901234567890", seconds, digits=8) == code


def test_login_asks_for_the_second_factor_and_takes_it_in_a_second_step(app):
    response = login()
    assert response["WWW-Authenticate"] == "Bearer"
    status, body = said(response)
    assert (status, body) == (401, REQUIRED)
    answer = second_step(body["mfa_token"], app.code())
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert answer.json()["user"]["mfa"] == {"enabled": True, "kinds": ["totp"]}


def test_login_takes_the_code_at_once(app):
    assert login(otp=app.code()).status_code == 200


def test_login_takes_a_recovery_code(app):
    assert login(otp=app.recovery_codes[0]).status_code == 200
    assert said(login(otp=app.recovery_codes[0])) == (401, WRONG)


def test_whoever_has_no_second_factor_may_send_a_code_all_the_same(cast):
    assert login(otp="123456").status_code == 200


def test_a_wrong_password_says_nothing_of_the_second_factor(app):
    for more in ({}, {"otp": app.code()}, {"otp": "123456"}):
        assert said(login("Wrong-Horse-7", **more)) == (
            401,
            {"error": "Invalid credentials", "code": "invalid_credentials"},
        )


def test_the_second_steps_token_opens_nothing_else(app, cast):
    token = login().json()["mfa_token"]
    me = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert said(me) == (401, BROKEN)
    assert said(Caller().post("/api/auth/refresh", {"refresh_token": token})) == (401, BROKEN)
    assert not cast.viewer.sessions.exists()


def test_no_other_token_takes_the_second_step(app, cast):
    other = Caller(cast.viewer).signed_in.pair
    for token in (other.access_token, other.refresh_token, "x", "é", "." * 4000):
        assert said(second_step(token, app.code())) == (401, BROKEN)


FORGED = {
    "of another type": {"type": "access"},
    "of another user": {"user_id": 1},
    "of another password": {"state": "0" * 64},
    "that lives too long": {"exp": 3600},
    "that is over": {"iat": -900, "exp": -600},
    "of too large a user": {"user_id": 2**80},
    "whose state is a list": {"state": []},
    "without an id": {"jti": None},
}


@pytest.mark.parametrize("case", FORGED)
def test_a_second_steps_token_is_good_only_as_it_was_issued(app, settings, case):
    genuine = jwt.decode(login().json()["mfa_token"], settings.JWT_SECRET_KEY, algorithms=["HS256"])
    now = int(time.time())
    times = {"iat": 0, "exp": 300, **{name: value for name, value in FORGED[case].items() if name in ("iat", "exp")}}
    claims = {**genuine, "jti": uuid4().hex, **FORGED[case], **{name: now + value for name, value in times.items()}}
    claims = {name: value for name, value in claims.items() if value is not None}
    assert said(second_step(jwt.encode(claims, settings.JWT_SECRET_KEY, "HS256"), app.code())) == (401, BROKEN)
    stolen = jwt.encode({**genuine, "jti": uuid4().hex}, "another key of enough bytes for it", "HS256")
    assert said(second_step(stolen, app.code())) == (401, BROKEN)


def test_the_code_and_the_token_must_be_texts_of_bearable_length(app):
    for body in ({}, {"mfa_token": "x"}, {"mfa_token": 1, "otp": "1"}, {"mfa_token": "x" * 5000, "otp": "1" * 33}):
        assert Caller().post("/api/auth/login/mfa", body).status_code == 400


def test_too_many_codes_are_answered_with_when_to_come_back(app):
    for _ in range(10):
        assert login(otp=app.wrong_code()).status_code == 401
    refused = login(otp=app.code())
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 900


def test_a_reset_takes_the_factors_and_ends_the_sessions(app, cast, super_admin):
    token = login(otp=app.code()).json()["access_token"]
    with audit_rows() as rows:
        answer = super_admin.delete(f"/api/users/{cast.viewer.pk}/factors")
    assert answer.status_code == 200
    assert answer.json()["message"] == "Second factors removed successfully"
    assert answer.json()["user"]["mfa"] == {"enabled": False, "kinds": []}
    assert rows[0].action == "factor_reset"
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
    assert login().status_code == 200
    assert super_admin.delete(f"/api/users/{cast.viewer.pk}/factors").status_code == 409


def test_who_holds_less_resets_nothing(cast, admin, viewer):
    give_app(cast.super_admin)
    assert admin.delete(f"/api/users/{cast.super_admin.pk}/factors").status_code == 403
    assert viewer.delete(f"/api/users/{cast.super_admin.pk}/factors").status_code == 403
    assert TotpKey.objects.count() == 1


def test_a_role_is_made_to_require_a_second_factor(cast, super_admin):
    role = Role.objects.get(slug="viewer")
    with audit_rows() as rows:
        answer = super_admin.patch(f"/api/roles/{role.pk}", {"requires_factor": True})
    assert answer.json()["role"]["requires_factor"] is True
    assert rows[0].details["changes"] == {"requires_factor": [False, True]}
    made = super_admin.post("/api/roles", {"name": "Careful", "requires_factor": True})
    assert made.json()["role"]["requires_factor"] is True


def test_once_the_grace_is_over_nothing_is_open_but_signing_out(cast):
    Role.objects.filter(slug="viewer").update(requires_factor=True)
    for _ in range(3):
        answer = login()
    caller = {"HTTP_AUTHORIZATION": f"Bearer {answer.json()['access_token']}"}
    assert said(Caller().get("/api/users", **caller))[1]["code"] == "permission_denied"
    caller = {"HTTP_AUTHORIZATION": f"Bearer {login().json()['access_token']}"}
    assert said(Caller().get("/api/users", **caller)) == (
        403,
        {
            "error": "Set up a second factor first, on the page /profile/security.",
            "code": "second_factor_setup_required",
        },
    )
    assert Caller().get("/api/auth/me", **caller).json()["must_add_factor"] is True
    assert Caller().post("/api/auth/logout", **caller).status_code == 200


def test_the_duty_ends_when_no_role_requires_a_factor_any_more(cast):
    Role.objects.filter(slug="viewer").update(requires_factor=True)
    for _ in range(4):
        login()
    Role.objects.update(requires_factor=False)
    assert login().json()["user"]["must_add_factor"] is False
    assert User.objects.get(pk=cast.viewer.pk).factor_grace_used == 0


def test_what_administrators_need_is_a_setting(cast, settings):
    from accounts.users.default_data import load_default_data

    settings.MFA_REQUIRED_FOR_ADMINISTRATORS = True
    with audit_rows() as rows:
        load_default_data()
    assert set(Role.objects.filter(requires_factor=True).values_list("slug", flat=True)) == {"super_admin", "admin"}
    assert [row.details["changes"] for row in rows] == [{"requires_factor": [False, True]}] * 2
