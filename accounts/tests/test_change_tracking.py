"""Changes that no service records: together with the row or not at all, by whom, and by no service twice."""

import asyncio
from datetime import timedelta
from io import StringIO
from threading import Thread

import pytest
from asgiref.sync import async_to_sync
from auditlog.context import auditlog_disabled
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Value
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.tests.tracked_rows import EXPIRY, saved, users, with_fixture
from audit.context import RequestOrigin, name_user, request_origin
from audit.model_tracking import explicitly_recorded
from audit.models import AuditLog
from reprotech.testing import Caller


def test_values_are_recorded_as_services_record_them(seen):
    saved(seen.user, locked_at=timezone.now(), first_name="Eve")
    saved(seen.key, expires_at=EXPIRY + timedelta(days=1))
    user, key = seen.rows()
    assert user.changes == {"first_name": ["", "Eve"], "locked": [False, True]}
    before, after = key.changes["expires_at"]
    assert (before, after) == tuple(f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in (EXPIRY, seen.key.expires_at))
    seen.user.delete()
    (row,) = seen.rows()
    assert row.changes["roles"] == [["Viewer"], []]
    assert row.details["deleted_with"] == {
        "api_keys": 1,
        "totp_keys": 1,
        "passkeys": 1,
        "recovery_codes": 1,
        "sessions": 1,
        "email_changes": 1,
        "outgoing_mails": 1,
    }


def test_many_rows_are_compared_in_parts(seen):
    made = User.objects.bulk_create(User(username=f"n{n}", email=f"n{n}@lab.example") for n in range(600))
    assert len(seen.rows()) == 600
    users(*made).update(is_active=False)
    assert seen.said() == [f"system deactivated n{n}" for n in range(600)]


def test_what_is_done_asynchronously_is_recorded_too(seen):
    async def change():
        await users(seen.user).aupdate(is_active=False)
        await seen.other.roles.aclear()

    async_to_sync(change)()
    assert seen.said() == ["system deactivated the-viewer", "system took the role Manager from the-manager"]


REFUSED = {
    "save": lambda s: saved(s.user, username="THE-MANAGER", email="x@lab.example"),
    "new": lambda s: User(username="the-manager", email="x@lab.example").save(),
    "update": lambda s: users(s.user).update(username="the-manager"),
    "bulk_create": lambda s: User.objects.bulk_create(
        [User(username="eve", email="eve@lab.example"), User(username="the-manager", email="x@lab.example")]
    ),
    "fixture": lambda s: with_fixture(s.user, "the-viewer", "the-manager"),
    "expression": lambda s: saved(s.role, slug=Value("manager")),
}


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED)
def test_what_the_database_refuses_in_a_transaction_leaves_no_event(seen, statement):
    with pytest.raises(IntegrityError), transaction.atomic():
        statement(seen)
    assert seen.said() == []


@pytest.mark.django_db(transaction=True)
def test_what_the_database_refuses_by_itself_leaves_no_event_neither_then_nor_later(seen):
    for statement in REFUSED.values():
        with pytest.raises(IntegrityError):
            statement(seen)
        assert seen.said() == []
        seen.user.refresh_from_db()
        seen.user.save()
        assert seen.said() == []


def test_in_a_broken_transaction_nothing_is_changed_or_recorded(seen):
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            saved(seen.user, is_active=False)
    assert seen.said() == []
    assert users(seen.user).get().is_active


def test_an_undone_change_leaves_no_event(seen):
    with transaction.atomic():
        saved(seen.user, is_active=False)
        transaction.set_rollback(True)
    assert seen.said() == []


def test_what_is_gone_already_is_not_deleted_once_more(seen):
    stale = ApiKey.objects.get(pk=seen.key.pk)
    seen.key.delete()
    assert len(seen.rows()) == 1
    stale.delete()
    assert seen.rows() == []


def test_a_request_acts_as_its_user_and_without_one_as_nobody(seen, cast):
    with request_origin(RequestOrigin(ip_address="192.0.2.1", user_agent="desk", request_id="r-1")):
        saved(seen.user, is_active=False)
        name_user(cast.admin.pk)
        saved(seen.user, is_active=True)
    nobody, admin = seen.rows()
    assert (nobody.username, nobody.user_id) == ("", None)
    assert (admin.username, admin.user_id, admin.ip_address) == ("the-admin", cast.admin.pk, "192.0.2.1")
    with request_origin(RequestOrigin()):  # what a request before left behind means nothing
        name_user(cast.admin.pk)
        saved(seen.user, is_active=False)
    assert [row.username for row in seen.rows()] == ["system"]


def test_djangos_own_command_leaves_one_event(seen, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda **_: "Other-Horse-8")
    call_command("changepassword", "the-viewer", stdout=StringIO())
    assert seen.said() == ["system changed the password of the-viewer"]


def test_a_thread_that_begins_within_a_service_is_tracked(seen):
    found = []

    def look():
        found.append(bool(auditlog_disabled.get()))

    with explicitly_recorded():
        thread = Thread(target=look)
        thread.start()
        thread.join()
    assert found == [False]


def test_a_task_that_outlives_a_service_is_tracked_from_then_on(seen):
    async def look(over):
        before = bool(auditlog_disabled.get())
        await over.wait()
        return before, bool(auditlog_disabled.get())

    async def run():
        over = asyncio.Event()
        with explicitly_recorded(), explicitly_recorded():
            task = asyncio.create_task(look(over))
            await asyncio.sleep(0)
        over.set()
        return await task

    assert asyncio.run(run()) == (True, False)


def test_a_password_that_is_hashed_anew_leaves_no_event(seen, settings, monkeypatch):
    monkeypatch.setattr("accounts.hashers.BCryptPasswordHasher.must_update", lambda *_: True)
    before = seen.user.password
    assert seen.user.check_password("Correct-Horse-7")
    assert users(seen.user).get().password != before
    assert seen.said() == []


@pytest.mark.parametrize("command", ["auditlogflush", "auditlogmigratejson"])
def test_the_librarys_commands_are_not_there(command):
    with pytest.raises(CommandError, match="Unknown command"):
        call_command(command)


def test_the_library_has_no_table(db):
    assert [name for name in connection.introspection.table_names() if name.startswith("auditlog")] == []


def test_signing_in_and_reading_leave_what_they_left(cast):
    before = AuditLog.objects.count()
    caller = Caller(cast.viewer)
    assert caller.get("/api/auth/me").status_code == 200
    assert AuditLog.objects.count() == before
