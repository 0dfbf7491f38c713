"""Section 6.1 of the contract, API keys: who makes them, with which proof, and what ends them."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.access.api_key_revocation import revoke_keys_of
from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key
from accounts.core.exceptions import OwnerOnly
from accounts.mfa import services as mfa_services
from accounts.mfa.services import update_mfa_state
from accounts.models import ApiKey, OutgoingMail, Passkey, Session, TotpKey, User
from accounts.notifications.links import reset_tokens
from accounts.passwords import services as password_services
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, error_of
from reprotech.tests.support.mfa_devices import give_app

KEYS = "/api/auth/keys"
WANTED = {"name": "LIMS", "scopes": []}
NEEDS_PROOF = (
    403,
    {
        "error": "You signed in a while ago. Send your password as `current_password` along and, if the account has a "
        "second factor, a code as `otp`.",
        "code": "reauthentication_required",
    },
)


@pytest.fixture
def script(cast):
    """A program of the Viewer's that signed in six minutes ago."""
    caller = Caller(cast.viewer)
    caller.token  # noqa: B018 (opens the session)
    Session.objects.update(confirmed_at=timezone.now() - timedelta(minutes=5, seconds=1))
    return caller


def make(user, actor=None, name="Scale"):
    return create_key(actor=actor or user, user_id=user.pk, name=name, scopes=[])


def made_by_another(owner, maker, name="Old"):
    """A key as administrators could make it once."""
    made = make(owner, name=name)
    ApiKey.objects.filter(pk=made.key.pk).update(created_by=maker)
    return made


def status(text):
    return Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {text}").status_code


def answer(response):
    return response.status_code, error_of(response)


# Proof


def test_a_token_makes_a_key_only_with_a_recent_proof_and_the_owner_is_told(cast, script):
    assert answer(script.post(KEYS, WANTED)) == NEEDS_PROOF
    wrong = script.post(KEYS, {**WANTED, "current_password": "Wrong-Horse-7"})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["current_password"])
    assert not ApiKey.objects.exists()
    assert script.post(KEYS, {**WANTED, "current_password": PASSWORD}).status_code == 201
    assert Caller(cast.viewer).post(KEYS, WANTED).status_code == 201, "the sign-in was the proof"
    mails = OutgoingMail.objects.filter(letter="key_created")
    assert [mail.context for mail in mails] == [{"key": "LIMS", "by": "the-viewer", "by_themselves": True}] * 2
    rows = AuditLog.objects.filter(action="key_create").order_by("id")
    assert [row.success for row in rows] == [False, True, True]
    assert rows[0].details["reason"] == "The current password was wrong."


def test_who_has_a_second_factor_shows_it_too(cast, script):
    app = give_app(cast.viewer)
    with_password = {**WANTED, "current_password": PASSWORD}
    assert answer(script.post(KEYS, with_password)) == NEEDS_PROOF
    wrong = script.post(KEYS, {**with_password, "otp": app.wrong_code()})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["otp"])
    code = app.code()
    assert script.post(KEYS, {**with_password, "otp": code}).status_code == 201
    assert script.post(KEYS, {**with_password, "otp": code}).status_code == 400, "a code is good once"
    assert script.post(KEYS, {**with_password, "otp": app.recovery_codes[0]}).status_code == 201
    assert ApiKey.objects.count() == 2


def test_nobody_guesses_a_password_or_a_code_by_making_keys(cast, script):
    for _ in range(10):
        script.post(KEYS, {**WANTED, "current_password": "Wrong-Horse-7"})
    assert script.post(KEYS, {**WANTED, "current_password": PASSWORD}).status_code == 429
    other = Caller(cast.researcher)
    app = give_app(cast.researcher)
    body = {**WANTED, "current_password": PASSWORD}
    for _ in range(10):
        assert other.post(KEYS, {**body, "otp": app.wrong_code()}).status_code == 400
    assert other.post(KEYS, {**body, "otp": app.code()}).status_code == 429
    assert not ApiKey.objects.exists()


def test_a_key_of_a_service_account_takes_the_makers_proof(cast):
    lims = make_user("lims", "viewer", password=None, is_service=True)
    admin = Caller(cast.admin)
    admin.token  # noqa: B018 (opens the session)
    Session.objects.update(confirmed_at=None)
    path = f"/api/users/{lims.pk}/keys"
    assert answer(admin.post(path, WANTED)) == NEEDS_PROOF
    assert admin.post(path, {**WANTED, "current_password": PASSWORD}).status_code == 201


# Whose


@pytest.mark.parametrize("proof", [{}, {"current_password": PASSWORD}])
def test_nobody_makes_a_key_of_another_person(cast, admin, proof):
    refused = admin.post(f"/api/users/{cast.viewer.pk}/keys", {**WANTED, **proof})
    assert answer(refused) == (
        409,
        {
            "error": "Only people themselves make their API keys. For a program, make a service account and give that "
            "a key.",
            "code": "not_theirs",
        },
    )
    with pytest.raises(OwnerOnly):
        make(cast.viewer, actor=SYSTEM)
    assert admin.post(f"/api/users/{cast.admin.pk}/keys", WANTED).status_code == 201, "one's own by that address too"
    assert list(ApiKey.objects.values_list("user", flat=True)) == [cast.admin.pk]


# What ends them


def remove_app(user, actor):
    session = Caller(user).signed_in.session
    mfa_services.remove_authenticator_app(actor=user, session_id=session.pk)


def remove_passkey(user, actor):
    passkey = Passkey.objects.create(user=user, name="Key", credential_id=b"1", credential=b"1")
    update_mfa_state(user)
    session = Caller(user).signed_in.session
    mfa_services.remove_passkey(actor=user, session_id=session.pk, passkey_id=passkey.pk)


def choose_by_link(user, actor):
    user = User.objects.get(pk=user.pk)
    link = reset_tokens.make_token(user)
    password_services.set_password_by_link(user_id=user.pk, link_token=link, new_password="Other-Horse-8")


def change_password(user, actor):
    body = {"current_password": PASSWORD, "new_password": "Other-Horse-8", "revoke_keys": True}
    assert Caller(user).post("/api/auth/change-password", body).status_code == 200


ENDS = {
    "password set by an administrator": (
        lambda user, actor: password_services.reset_password(actor=actor, user_id=user.pk, password="Other-Horse-8"),
        "password_reset",
        "the-admin",
    ),
    "password chosen by a link": (choose_by_link, "password_reset", "the-viewer"),
    "own password changed, if wanted": (change_password, "password_change", "the-viewer"),
    "factors reset": (
        lambda user, actor: mfa_services.reset_factors(actor=actor, user_id=user.pk),
        "factors_removed",
        "the-admin",
    ),
    "factors reset by the command line": (
        lambda user, actor: mfa_services.reset_factors(actor=SYSTEM, user_id=user.pk),
        "factors_removed",
        "system",
    ),
    "own app removed": (remove_app, "factors_removed", "the-viewer"),
    "own passkey removed": (remove_passkey, "factors_removed", "the-viewer"),
    "signed out everywhere, if wanted": (
        lambda user, actor: session_services.end_other_sessions(
            actor=user, session_id=Caller(user).signed_in.session.pk, revoke_keys=True
        ),
        "sessions_ended",
        "the-viewer",
    ),
    "account deleted": (
        lambda user, actor: user_services.delete_user(actor=actor, user_id=user.pk),
        "account_deleted",
        "the-admin",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_ends_a_persons_keys_says_so_on_record(cast, end):
    act, reason, by = ENDS[end]
    TotpKey.objects.create(user=cast.viewer, sealed_key="x")
    update_mfa_state(cast.viewer)
    keys, other = [make(cast.viewer), make(cast.viewer)], make(cast.researcher)
    with audit_rows() as rows:
        act(cast.viewer, cast.admin)
    revoked = [row for row in rows if row.action == "key_revoke"]
    assert [(row.username, row.resource_name, row.details["reason"]) for row in revoked] == [
        (by, "the-viewer", reason)
    ] * 2
    assert {row.details["key"] for row in revoked} == {made.key.public_id for made in keys}
    assert [status(made.text) for made in keys] == [401, 401]
    assert status(other.text) == 200


def test_what_doesnt_suspect_a_key_leaves_it(cast):
    made = make(cast.viewer)
    body = {"current_password": PASSWORD, "new_password": "Other-Horse-8"}
    assert Caller(cast.viewer).post("/api/auth/change-password", body).status_code == 200
    assert Caller(cast.viewer).delete("/api/auth/sessions").status_code == 200
    password_services.send_password_reset(actor=cast.admin, user_id=cast.viewer.pk)
    assert status(made.text) == 200


# Keys that others made before


LOCKED_OUT = {
    "locked": lambda maker: user_services.lock_user(actor=SYSTEM, user_id=maker.pk),
    "deactivated": lambda maker: user_services.update_user(actor=SYSTEM, user_id=maker.pk, is_active=False),
    "deleted": lambda maker: user_services.delete_user(actor=SYSTEM, user_id=maker.pk),
}


@pytest.mark.parametrize("way", LOCKED_OUT)
def test_a_key_that_another_made_for_a_person_works_is_marked_and_ends_with_its_maker(cast, admin, way):
    maker = make_user("maker", "admin")
    lims = make_user("lims", "viewer", password=None, is_service=True)
    old, own, service = made_by_another(cast.viewer, maker), make(cast.viewer), make(lims, actor=maker)
    assert [status(made.text) for made in (old, own, service)] == [200, 200, 200]
    listed = admin.get(f"/api/users/{cast.viewer.pk}/keys").json()["keys"]
    assert {key["name"]: key["created_by"] for key in listed} == {"Old": "maker", "Scale": "the-viewer"}
    asked = [admin.post("/api/auth/introspect", {"token": made.text}).json() for made in (old, own, service)]
    assert [about.get("created_by") for about in asked] == ["maker", None, "maker"]
    with audit_rows() as rows:
        LOCKED_OUT[way](maker)
    (row,) = [row for row in rows if row.action == "key_revoke"]
    assert (row.resource_name, row.details["key"]) == ("the-viewer", old.key.public_id)
    assert row.details["reason"] == "maker_disabled"
    assert [status(made.text) for made in (old, own, service)] == [401, 200, 200]


@pytest.mark.parametrize(
    "gone", [{"is_active": False}, {"locked_at": timezone.now()}, {"deleted_at": timezone.now()}], ids=" ".join
)
def test_the_state_of_the_maker_counts_at_each_use_of_the_key_however_it_came_about(cast, admin, gone):
    maker = make_user("maker", "admin")
    old = made_by_another(cast.viewer, maker)
    User.objects.filter(pk=maker.pk).update(**gone)
    assert status(old.text) == 401
    assert admin.post("/api/auth/introspect", {"token": old.text}).json() == {"active": False}
    (row,) = AuditLog.objects.filter(action="access_denied")
    assert row.details["reason"] == "The account that made this key for its owner can't sign in any more."


def test_the_migration_takes_from_the_log_who_made_a_key(cast):
    maker = make_user("maker", "admin")
    lims = make_user("lims", "viewer", password=None, is_service=True)
    own, service, lost = make(cast.viewer), make(lims, actor=maker), make(cast.viewer)
    ApiKey.objects.update(created_by=None)
    ApiKey.objects.filter(pk=lost.key.pk).update(prefix="0" * 12)
    migration = import_module("accounts.migrations.0018_makers_of_keys")
    migration.name_makers(apps, connection.schema_editor())
    found = dict(ApiKey.objects.values_list("pk", "created_by__username"))
    assert found == {own.key.pk: "the-viewer", service.key.pk: "maker", lost.key.pk: None}


def test_revoking_the_keys_of_somebody_touches_no_revoked_ones(cast):
    made = make(cast.viewer)
    assert revoke_keys_of(SYSTEM, cast.viewer, reason="password_reset") == 1
    before = ApiKey.objects.get(pk=made.key.pk).revoked_at
    assert revoke_keys_of(SYSTEM, cast.viewer, reason="password_reset") == 0
    assert ApiKey.objects.get(pk=made.key.pk).revoked_at == before
