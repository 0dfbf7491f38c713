"""Section 3 of the contract: what a token is good for, how it is refreshed, and when it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import TOKEN, Caller, error_of

MISSING = {"error": "Token is missing", "code": "token_missing"}
BROKEN = {"error": "Token is invalid or expired", "code": "token_invalid"}
DISABLED = {"error": "Account is disabled", "code": "account_disabled"}


def me(token):
    return Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")


def refresh(token):
    return Caller().post("/api/auth/refresh", {"refresh_token": token})


def refusal(response):
    assert response["WWW-Authenticate"] == "Bearer"
    return response.status_code, error_of(response)


@pytest.fixture
def pair(cast):
    """Tokens of the viewer."""
    return Caller().post("/api/auth/login", {"username": "the-viewer", "password": PASSWORD}).json()


def spend_long_ago():
    """Move the time at which the refresh tokens were spent beyond the grace of ten seconds."""
    session = Session.objects.get()
    session.spent_refresh_hashes = {spent: when - 11 for spent, when in session.spent_refresh_hashes.items()}
    session.save()


def test_without_a_token_the_answer_is_token_is_missing(db, anonymous):
    assert refusal(anonymous.get("/api/auth/me")) == (401, MISSING)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nonsense", "Bearer a.b.c", "Basic dGhlOmtleQ==", "Token x", "Bearer é"]
)
def test_with_something_else_than_a_token_it_is_invalid(db, anonymous, header):
    assert refusal(anonymous.get("/api/auth/me", HTTP_AUTHORIZATION=header)) == (401, BROKEN)


def test_an_expired_token_is_invalid(pair, settings):
    assert me(pair["access_token"]).status_code == 200
    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=-10)
    expired = refresh(pair["refresh_token"]).json()["access_token"]
    settings.ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
    assert refusal(me(expired)) == (401, BROKEN)


def test_a_token_ends_with_its_session(pair):
    Session.objects.update(expires_at=timezone.now())
    assert refusal(me(pair["access_token"])) == (401, BROKEN)
    assert refusal(refresh(pair["refresh_token"])) == (401, BROKEN)


@pytest.mark.parametrize("path", ["/api/auth/refresh", "/api/auth/refresh/"])
def test_a_refresh_answers_a_new_pair(cast, pair, anonymous, path):
    response = anonymous.post(path, {"refresh_token": pair["refresh_token"]})
    assert response.status_code == 200
    body = response.json()
    assert body == {**pair, "access_token": TOKEN, "refresh_token": TOKEN}
    assert body["access_token"] != pair["access_token"]
    assert body["refresh_token"] != pair["refresh_token"]
    assert me(body["access_token"]).status_code == 200
    assert refresh(body["refresh_token"]).status_code == 200
    row = AuditLog.objects.filter(action="token_refresh").first()
    assert (row.username, row.resource, row.success) == ("the-viewer", "auth", True)


def test_a_refresh_carries_the_roles_of_now(cast, pair, admin):
    admin.patch(f"/api/users/{cast.viewer.pk}", {"roles": ["Researcher"]})
    assert refresh(pair["refresh_token"]).json()["user"]["roles"] == ["Researcher"]


def test_a_refresh_token_spent_a_moment_ago_is_refused_and_the_session_lives(pair):
    fresh = refresh(pair["refresh_token"]).json()
    assert refusal(refresh(pair["refresh_token"])) == (401, BROKEN)
    assert me(fresh["access_token"]).status_code == 200
    assert refresh(fresh["refresh_token"]).status_code == 200
    assert not AuditLog.objects.filter(action="token_refresh", success=False).exists()


def test_a_refresh_token_spent_long_ago_ends_the_session_on_record(cast, pair):
    fresh = refresh(pair["refresh_token"]).json()
    spend_long_ago()
    assert refusal(refresh(pair["refresh_token"])) == (401, BROKEN)
    assert refusal(me(fresh["access_token"])) == (401, BROKEN)
    assert refusal(refresh(fresh["refresh_token"])) == (401, BROKEN)
    row = AuditLog.objects.get(action="token_refresh", success=False)
    assert (row.username, row.user_id, row.resource) == ("the-viewer", cast.viewer.pk, "auth")
    assert row.details == {"reason": "A spent refresh token was used again."}
    assert Session.objects.get().end_reason == "refresh_reuse"


def test_a_stolen_refresh_token_leaves_the_users_other_sessions_alone(cast, pair):
    refresh(pair["refresh_token"])
    spend_long_ago()
    other = Caller(cast.viewer)
    assert other.get("/api/auth/me").status_code == 200
    refresh(pair["refresh_token"])
    assert other.get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("path", ["/api/auth/logout", "/api/auth/logout/"])
@pytest.mark.django_db(transaction=True)  # the shared cache must learn of it, too
def test_logout_ends_both_tokens_at_once(cast, path):
    caller, other = Caller(cast.viewer), Caller(cast.viewer)
    assert caller.get("/api/auth/me").status_code == 200
    response = caller.post(path)
    assert (response.status_code, response.json()) == (200, {"message": "Successfully logged out"})
    assert refusal(caller.get("/api/auth/me")) == (401, BROKEN)
    assert refusal(refresh(caller.signed_in.pair.refresh_token)) == (401, BROKEN)
    assert other.get("/api/auth/me").status_code == 200
    row = AuditLog.objects.get(action="logout")
    assert (row.username, row.resource, row.session_id) == ("the-viewer", "auth", caller.signed_in.session.pk)


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("POST", "/api/users/{}/lock", None, DISABLED),
        ("PATCH", "/api/users/{}", {"is_active": False}, DISABLED),
        ("DELETE", "/api/users/{}", None, BROKEN),
        ("POST", "/api/users/{}/reset-password", {"password": "Other-Horse-8"}, BROKEN),
    ],
    ids=["lock", "deactivate", "delete", "reset password"],
)
@pytest.mark.django_db(transaction=True)
def test_keeping_a_user_out_ends_their_tokens_at_once(cast, admin, method, path, body, answer):
    caller = Caller(cast.viewer)
    assert caller.get("/api/auth/me").status_code == 200
    assert admin.call(method, path.format(cast.viewer.pk), body).status_code == 200
    assert refusal(caller.get("/api/auth/me")) == (401, answer)
    assert refusal(refresh(caller.signed_in.pair.refresh_token)) == (401, answer)


@pytest.mark.parametrize(
    ("keep_out", "let_in"),
    [
        (("POST", "/lock", None), ("POST", "/unlock", None)),
        (("PATCH", "", {"is_active": False}), ("PATCH", "", {"is_active": True})),
    ],
    ids=["unlock", "activate"],
)
@pytest.mark.django_db(transaction=True)
def test_whoever_is_let_in_again_must_sign_in_again(cast, admin, keep_out, let_in):
    caller = Caller(cast.viewer)
    caller.token  # noqa: B018 (opens the session)
    for method, path, body in (keep_out, let_in):
        assert admin.call(method, f"/api/users/{cast.viewer.pk}{path}", body).status_code == 200
    assert refusal(caller.get("/api/auth/me")) == (401, BROKEN)
    assert Caller(cast.viewer).get("/api/auth/me").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_permission_that_is_taken_away_is_gone_at_once(cast, super_admin):
    manager = Caller(cast.manager)
    assert manager.get("/api/users").status_code == 200
    super_admin.patch(f"/api/users/{cast.manager.pk}", {"roles": []})
    assert manager.get("/api/users").status_code == 403
    super_admin.patch(f"/api/users/{cast.manager.pk}", {"roles": ["manager"]})
    role = cast.manager.roles.get()
    assert manager.get("/api/users").status_code == 200
    super_admin.patch(f"/api/roles/{role.pk}", {"permissions": ["role_read"]})
    assert manager.get("/api/users").status_code == 403
    assert manager.get("/api/roles").status_code == 200
