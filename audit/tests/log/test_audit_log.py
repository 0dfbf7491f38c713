"""The audit log: append-only by code, complete, and free of secrets."""

import json
import re

import pytest
from django.db import IntegrityError, transaction

from accounts.models import PasswordHistory, Session, User
from accounts.users import services as user_services
from audit.models import Action, AuditLog
from audit.models.querysets import AppendOnlyError
from audit.services import record
from reprotech.core.exceptions import Forbidden
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, page_client

# Append-only


@pytest.fixture
def row(db):
    return record(actor=None, action=Action.LOGIN, resource="auth", success=False, reason="For the test.")


REFUSED = {
    "save": lambda row: row.save(),
    "save of a field": lambda row: row.save(update_fields=["username"]),
    "save of a copy read again": lambda row: AuditLog.objects.get(pk=row.pk).save(),
    "delete": lambda row: row.delete(),
    "update": lambda row: AuditLog.objects.filter(pk=row.pk).update(username="mine"),
    "delete of a query": lambda row: AuditLog.objects.filter(pk=row.pk).delete(),
    "delete of all": lambda row: AuditLog.objects.all().delete(),
    "bulk_update": lambda row: AuditLog.objects.bulk_update([row], ["username"]),
    "update_or_create": lambda row: AuditLog.objects.update_or_create(pk=row.pk, defaults={"username": "mine"}),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_stored_row_can_be_neither_changed_nor_deleted(row, change):
    before = list(AuditLog.objects.order_by("id").values())
    row.username = "mine"
    with pytest.raises(AppendOnlyError):
        change(row)
    assert list(AuditLog.objects.order_by("id").values()) == before


def test_bulk_creation_can_not_overwrite(row):
    row.username = "mine"
    with pytest.raises(AppendOnlyError):
        AuditLog.objects.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=["username"])
    assert AuditLog.objects.get(pk=row.pk).username == ""


def test_a_new_row_can_not_take_the_place_of_a_stored_one(row):
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditLog(pk=row.pk, username="mine", action="login", resource="auth").save()
    assert AuditLog.objects.get(pk=row.pk).username == ""


@pytest.mark.parametrize("name", ["password", "new_password", "refresh_token", "SECRET_KEY", "password_hash", "otp"])
def test_a_detail_that_is_named_like_a_secret_is_refused(db, name):
    for details in ({name: "x"}, {"changes": {name: ("x", "y")}}):
        with pytest.raises(ValueError, match=name):
            record(actor=None, action=Action.UPDATE, resource="user", **details)


def test_what_is_too_long_is_cut_and_not_lost(db):
    class Long:
        pk, username = None, "n" * 5000

    row = record(actor=Long(), action=Action.LOGIN, resource="auth", resource_name="r" * 5000)
    row.refresh_from_db()
    assert (row.username, row.resource_name) == ("n" * 254, "r" * 254)


# Complete


def test_a_denial_survives_the_rollback_of_what_it_stopped(cast):
    with audit_rows() as rows, pytest.raises(Forbidden):
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, first_name="Changed", roles=["super_admin"])
    assert User.objects.get(pk=cast.viewer.pk).first_name == ""
    assert [(row.action, row.success) for row in rows] == [("access_denied", False)]


@pytest.mark.django_db(transaction=True)
def test_a_denial_is_committed_by_the_api(cast):
    answer = Caller(cast.manager).delete(f"/api/users/{cast.viewer.pk}")
    assert answer.status_code == 403
    row = AuditLog.objects.get(request_id=answer.json()["request_id"])
    assert (row.action, row.details["method"], row.details["path"]) == (
        "access_denied",
        "DELETE",
        f"/api/users/{cast.viewer.pk}",
    )


def test_a_change_that_fails_leaves_no_row(cast):
    @transaction.atomic
    def fail_later():
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
        raise RuntimeError

    with audit_rows() as rows, pytest.raises(RuntimeError):
        fail_later()
    assert not User.objects.get(pk=cast.viewer.pk).is_locked
    assert rows == []


@pytest.mark.parametrize("typed", ["the-viewer", "no such user", "Ünïcode 名前", "x" * 254, "'; DROP TABLE users; --"])
def test_a_failed_login_carries_the_name_that_was_typed(cast, anonymous, typed):
    with audit_rows() as rows:
        answer = anonymous.post("/api/auth/login", {"username": typed, "password": "Wrong-Horse-7"})
    assert answer.status_code == 401
    (row,) = rows
    assert (row.username, row.action, row.success) == (typed, "login", False)
    assert (row.ip_address, row.user_agent) == (anonymous.address, anonymous.user_agent)
    assert row.request_id == answer.json()["request_id"] == answer["X-Request-ID"]


def test_reading_leaves_no_row(super_admin):
    with audit_rows() as rows:
        for path in ("users", "roles", "permissions", "audit", "auth/me", "auth/sessions", "users/analytics"):
            assert super_admin.get(f"/api/{path}").status_code == 200
    assert rows == []


# No secrets


def long_scenario(cast):
    """Do everything that has to do with secrets, rightly and wrongly; returns all of them that were used."""
    secrets = {PASSWORD, "Other-Horse-8", "Third-Horse-9", "Wrong-Horse-7", "Weak9secret", "Typed-For-Name-1"}
    admin, anonymous, user = Caller(cast.admin), Caller(), make_user("subject", "viewer")
    address = f"/api/users/{user.pk}"

    def log_in(password, name="subject"):
        answer = anonymous.post("/api/auth/login", {"username": name, "password": password})
        if answer.status_code == 200:
            secrets.update(answer.json()[kind] for kind in ("access_token", "refresh_token"))
        return answer.json()

    for password in (PASSWORD, "Wrong-Horse-7", ""):
        log_in(password)
    pair = log_in(PASSWORD)
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access_token']}"}
    for _ in range(2):
        refreshed = anonymous.post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
        secrets.update(refreshed.get(kind, PASSWORD) for kind in ("access_token", "refresh_token"))
    for current, new in (("Wrong-Horse-7", "Other-Horse-8"), (PASSWORD, "Weak9secret"), (PASSWORD, "Other-Horse-8")):
        body = {"current_password": current, "new_password": new}
        anonymous.post("/api/auth/change-password", body, **bearer)
    admin.post(f"{address}/reset-password", {"password": "Third-Horse-9"})
    admin.post(f"{address}/reset-password", {"password": "Weak9secret"})
    admin.post(f"{address}/reset-password", {})
    admin.patch(address, {"password": "Other-Horse-8", "first_name": "Sub"})
    admin.patch(address, {"first_name": "Sub", "email": "sub@lab.example", "roles": ["manager"]})
    admin.post("/api/users", {"username": "newcomer", "email": "newcomer@lab.example", "password": "Other-Horse-8"})
    admin.post("/api/users", {"username": "invited", "email": "invited@lab.example"})
    Caller(cast.manager).post(f"{address}/reset-password", {"password": "Other-Horse-8"})
    page_client(cast.super_admin).post("/admin/accounts/user/add/", {"username": "bea", "password": "Other-Horse-8"})
    admin.post(f"{address}/lock")
    admin.post("/api/auth/logout")
    Caller(cast.super_admin).delete(address)
    for caller in (admin, Caller(cast.manager)):
        secrets |= {caller.token, caller.signed_in.pair.refresh_token}
    secrets |= set(User.objects.values_list("password", flat=True))
    secrets |= set(PasswordHistory.objects.values_list("password", flat=True))
    for session in Session.objects.all():
        secrets |= {session.refresh_hash, *session.spent_refresh_hashes}
    return {secret for secret in secrets if secret}


def test_no_row_holds_a_secret(cast, mailoutbox, django_capture_on_commit_callbacks):
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        secrets = long_scenario(cast)
    links = [re.search(r"/set-password/\S+/(\S+)", mail.body) for mail in mailoutbox]
    secrets |= {link[1] for link in links if link}
    assert links  # users deleted before the mail was sent have none
    assert len(rows) > 15
    assert len(secrets) > 25
    dumped = json.dumps([[str(value) for value in row] for row in AuditLog.objects.values_list()], ensure_ascii=False)
    assert "subject" in dumped
    assert [secret for secret in secrets if secret in dumped] == []
    for token in secrets:
        # Nor a part of a token: its signature alone would do.
        assert [part for part in token.split(".") if len(part) > 30 and part in dumped] == []
    assert not re.search(r"bcrypt|eyJ|\$2b\$", dumped)
