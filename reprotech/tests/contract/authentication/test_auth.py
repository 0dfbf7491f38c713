"""Section 3 of the contract, signing in: login, one's own account, one's own sessions."""

import time

import jwt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from accounts.access.authorization import SYSTEM
from accounts.models import OutgoingMail, Session, User
from accounts.passwords.services import reset_password
from accounts.users.services import delete_user, lock_user, update_user
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import TIME, TOKEN, UUID, Caller, error_of

READS = ["animal_read", "sample_read", "lab_test_read", "procedure_read", "customer_read", "inventory_read"]
VIEWER_MAY = [*READS, "report_read", "genomics_read"]
INVALID = {"error": "Invalid credentials", "code": "invalid_credentials"}


def login(username, password=PASSWORD, **caller):
    return Caller(**caller).post("/api/auth/login", {"username": username, "password": password})


def own_body(viewer):
    return {
        "id": viewer.pk,
        "username": "the-viewer",
        "email": "the-viewer@lab.example",
        "first_name": "View",
        "last_name": "Viewer",
        "is_active": True,
        "is_locked": False,
        "status": "active",
        "starts_at": None,
        "ends_at": None,
        "roles": ["Viewer"],
        "is_service": False,
        "must_change_password": False,
        "must_add_factor": False,
        "has_second_factor": False,
        "invited_at": None,
        "invitation_expires_at": None,
        "last_login": TIME,
        "created_at": TIME,
        "updated_at": TIME,
        "permissions": VIEWER_MAY,
        "mfa": {"enabled": False, "kinds": []},
    }


@pytest.fixture
def view(cast):
    return update_user(actor=SYSTEM, user_id=cast.viewer.pk, first_name="View", last_name="Viewer")


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/login/"])
def test_login_answers_two_tokens_and_the_user(view, anonymous, path):
    response = anonymous.post(path, {"username": "the-viewer", "password": PASSWORD})
    assert response.status_code == 200
    assert response.json() == {
        "access_token": TOKEN,
        "refresh_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 3600,
        "user": own_body(view),
    }


@pytest.mark.parametrize("name", ["the-viewer", "The-Viewer", "the-viewer@lab.example", "THE-VIEWER@LAB.EXAMPLE"])
def test_login_takes_the_username_or_the_email_address_in_any_case(cast, name):
    assert login(name).json()["user"]["id"] == cast.viewer.pk


def test_the_tokens_carry_the_claims_of_the_contract(cast, settings):
    answer = login("the-viewer").json()
    session = Session.objects.get()

    def claims(token):
        assert jwt.get_unverified_header(token)["alg"] == "HS256"
        return jwt.decode(token, settings.JWT_SECRET_KEY, algorithms=["HS256"])

    access, refresh = claims(answer["access_token"]), claims(answer["refresh_token"])
    for token, lifetime in ((access, 3600), (refresh, 30 * 24 * 3600)):
        assert token["exp"] - token["iat"] == lifetime
        assert abs(token["iat"] - time.time()) < 60
    assert access.pop("jti") != refresh.pop("jti")
    assert {**access, "iat": 0, "exp": 0} == {
        "type": "access",
        "user_id": cast.viewer.pk,
        "username": "the-viewer",
        "roles": ["Viewer"],
        "sid": str(session.pk),
        "iat": 0,
        "exp": 0,
    }
    assert {**refresh, "iat": 0, "exp": 0} == {
        "type": "refresh",
        "user_id": cast.viewer.pk,
        "sid": str(session.pk),
        "iat": 0,
        "exp": 0,
    }


def test_login_is_recorded_with_its_origin(cast):
    login("the-viewer", address="198.51.100.7", user_agent="pipette/2")
    row = AuditLog.objects.get(action="login")
    assert (row.username, row.user_id, row.resource, row.success) == ("the-viewer", cast.viewer.pk, "auth", True)
    assert (row.ip_address, row.user_agent) == ("198.51.100.7", "pipette/2")
    assert row.details == {"kind": "token", "roles": ["Viewer"], "method": "password"}


@pytest.mark.parametrize(("name", "password"), [("the-viewer", "Wrong-Horse-7"), ("nobody-of-this-name", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(cast, name, password):
    response = login(name, password)
    assert (response.status_code, error_of(response)) == (401, INVALID)
    assert response["WWW-Authenticate"] == "Bearer"
    assert not Session.objects.exists()
    row = AuditLog.objects.get(action="login")
    assert (row.username, row.success) == (name, False)


def test_an_unknown_name_takes_the_time_of_a_password_check(cast, monkeypatch):
    monkeypatch.setattr(BCryptSHA256PasswordHasher, "rounds", 9)

    def seconds(name):
        # The processor's, since other programs may keep this one waiting.
        started = time.thread_time()
        login(name, "Wrong-Horse-7")
        return time.thread_time() - started

    reset_password(actor=SYSTEM, user_id=cast.viewer.pk, password="Dear-Horse-7")
    known = min(seconds("the-viewer") for _ in range(3))
    unknown = min(seconds("nobody-of-this-name") for _ in range(3))
    assert known / 2 < unknown < known * 2


@pytest.mark.parametrize(
    "keep_out",
    [
        lambda user: update_user(actor=SYSTEM, user_id=user.pk, is_active=False),
        lambda user: lock_user(actor=SYSTEM, user_id=user.pk),
        lambda user: delete_user(actor=SYSTEM, user_id=user.pk),
    ],
    ids=["deactivated", "locked", "deleted"],
)
def test_login_does_not_tell_that_an_account_is_kept_out(cast, keep_out):
    keep_out(cast.viewer)
    response = login("the-viewer")
    assert (response.status_code, error_of(response)) == (401, INVALID)


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/auth/me/"])
def test_me_shows_the_caller_with_roles_and_permissions(view, path):
    response = Caller(view).get(path)
    assert response.status_code == 200
    assert response.json() == {**own_body(view), "last_login": None}


def test_a_session_is_listed_with_client_address_and_times(cast):
    token = login("the-viewer", address="2001:db8::7", user_agent="pipette/2").json()["access_token"]
    Caller(cast.viewer).token  # noqa: B018 (opens a second session)
    response = Caller().get("/api/auth/sessions", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert response.status_code == 200
    body = response.json()
    assert {key: value for key, value in body.items() if key != "sessions"} == {
        "total": 2,
        "page": 1,
        "per_page": 100,
        "pages": 1,
    }
    assert [session["current"] for session in body["sessions"]] == [False, True]
    assert body["sessions"][1] == {
        "id": UUID,
        "kind": "token",
        "client": "pipette/2",
        "ip_address": "2001:db8::7",
        "created_at": TIME,
        "last_used_at": TIME,
        "expires_at": TIME,
        "ends_at": TIME,
        "current": True,
    }


def test_the_sessions_of_others_are_not_listed(cast):
    Caller(cast.admin).token  # noqa: B018
    mine = Caller(cast.viewer)
    ids = [session["id"] for session in mine.get("/api/auth/sessions").json()["sessions"]]
    assert ids == [str(mine.signed_in.session.pk)]


def test_ending_another_session_of_ones_own_ends_it_alone(cast):
    here, there = Caller(cast.viewer), Caller(cast.viewer)
    response = here.delete(f"/api/auth/sessions/{there.signed_in.session.pk}")
    assert (response.status_code, response.json()) == (200, {"message": "Session ended successfully"})
    assert there.get("/api/auth/me").status_code == 401
    assert here.get("/api/auth/me").status_code == 200
    row = AuditLog.objects.get(action="session_revoke")
    assert (row.username, row.resource, row.resource_name) == ("the-viewer", "session", "the-viewer")


def test_a_session_that_is_over_cannot_be_ended_again(cast):
    here, there = Caller(cast.viewer), Caller(cast.viewer)
    path = f"/api/auth/sessions/{there.signed_in.session.pk}/"
    assert here.delete(path).status_code == 200
    response = here.delete(path)
    assert response.status_code == 404
    assert error_of(response) == {"error": "There is no such session.", "code": "not_found"}


@pytest.mark.parametrize(
    ("ender", "owner", "status"),
    [("viewer", "stranger", 403), ("admin", "viewer", 200), ("admin", "super_admin", 403)],
)
def test_ending_a_session_of_another_takes_the_permission_and_all_that_its_owner_holds(cast, ender, owner, status):
    owner = Caller(cast.by_slug()[owner])
    response = Caller(cast.by_slug()[ender]).delete(f"/api/auth/sessions/{owner.signed_in.session.pk}")
    assert response.status_code == status
    assert owner.get("/api/auth/me").status_code == (401 if status == 200 else 200)


@pytest.mark.parametrize(
    ("required", "code"),
    [("must_change_password", "password_change_required"), ("must_add_factor", "second_factor_setup_required")],
)
def test_who_has_something_required_of_them_ends_their_own_sessions_and_nobody_elses(cast, required, code):
    User.objects.filter(pk=cast.admin.pk).update(**{required: True})
    here, there, other = Caller(cast.admin), Caller(cast.admin), Caller(cast.viewer)
    response = here.delete(f"/api/auth/sessions/{other.signed_in.session.pk}")
    assert (response.status_code, response.json()["code"]) == (403, code)
    assert other.get("/api/auth/me").status_code == 200
    assert here.delete(f"/api/auth/sessions/{there.signed_in.session.pk}").status_code == 200


def test_null_counts_as_left_out_where_a_field_may_be_left_out(cast, viewer):
    body = {"username": "the-viewer", "password": PASSWORD}
    assert Caller().post("/api/auth/login", {**body, "otp": None}).status_code == 200
    assert Caller().post("/api/auth/login", {**body, "password": None}).status_code == 400
    optional = dict.fromkeys(("expires_in_days", "addresses", "current_password", "otp"))
    assert viewer.post("/api/auth/keys", {"name": "LIMS", "scopes": [], **optional}).status_code == 201
    changed = {"current_password": PASSWORD, "new_password": "Other-Horse-8", "revoke_keys": None}
    assert viewer.post("/api/auth/change-password", changed).status_code == 200
    reset = Caller(cast.admin).post(f"/api/users/{cast.viewer.pk}/reset-password", {"password": None})
    assert (reset.status_code, len(mails("password_reset"))) == (200, 1)


def mails(letter):
    return OutgoingMail.objects.filter(letter=letter)
