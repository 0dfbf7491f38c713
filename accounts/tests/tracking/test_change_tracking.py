"""Changes that no service records: together with the row or not at all, by whom, and by no service twice."""

import asyncio
import re
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from io import StringIO
from threading import Thread

import pytest
from asgiref.sync import async_to_sync
from auditlog.context import auditlog_disabled
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Value
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.authentication.login import sign_in_with_tokens
from accounts.models import ApiKey, Role, RoleGrant, Session, User
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.sessions import refresh
from accounts.sessions import services as session_services
from accounts.sessions.services import end_expired_sessions
from accounts.tests.support.tracked_rows import DIRECTLY, EXPIRY, saved, users, with_fixture, with_password
from accounts.users import services as user_services
from accounts.users.default_data import load_default_data
from accounts.users.erasure import erase_personal_data
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from audit.sealing.sealer import Sealer
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.principal import Principal
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, page_client


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
        "user_roles": 1,
    }


def test_many_rows_are_compared_in_parts(seen):
    made = User.objects.bulk_create(User(username=f"n{n}", email=f"n{n}@lab.example") for n in range(600))
    assert len(seen.rows()) == 600
    users(*made).update(is_active=False)
    assert seen.said() == [f"system deactivated n{n}" for n in range(600)]


def test_what_is_done_asynchronously_is_recorded_too(seen):
    async def change():
        await users(seen.user).aupdate(is_active=False)
        await seen.other.role_grants.all().adelete()

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


@contextmanager
def no_event_can_be_written():
    is_sqlite = connection.vendor == "sqlite"
    body = "BEGIN SELECT RAISE(ABORT, 'full'); END" if is_sqlite else "FOR EACH ROW EXECUTE FUNCTION refuse_event()"
    with connection.cursor() as cursor:
        if not is_sqlite:
            body_of_function = "BEGIN RAISE EXCEPTION 'full'; END"
            cursor.execute(f"CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $${body_of_function}$$")
        cursor.execute(f"CREATE TRIGGER refuse_event BEFORE INSERT ON audit_logs {body}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse_event" if is_sqlite else "DROP FUNCTION refuse_event() CASCADE")


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_recorded_is_not_changed(seen):
    statements = [
        lambda: saved(seen.user, is_active=False),
        lambda: users(seen.user).update(is_active=False),
        lambda: saved(seen.key, expires_at=F("expires_at") + timedelta(days=9)),
        lambda: Role.objects.create(slug="new", name="New"),
        lambda: Role.objects.bulk_create([Role(slug="new", name="New")]),
        lambda: Role.objects.bulk_create([Role(slug="new", name="New")], ignore_conflicts=True),
        lambda: seen.user.roles.add(seen.more),
        lambda: seen.role.user_grants.all().delete(),
        seen.role.delete,
        lambda: ApiKey.objects.filter(pk=seen.key.pk)._raw_delete("default"),
    ]

    def state():
        rows = [model.objects.order_by("pk").values() for model in (User, Role, ApiKey, RoleGrant)]
        return [list(found) for found in rows]

    before = state()
    with no_event_can_be_written():
        for statement in statements:
            with pytest.raises(DatabaseError, match="full"):
                statement()
            assert state() == before


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
        set_principal(Principal(user_id=cast.admin.pk))
        saved(seen.user, is_active=True)
    nobody, admin = seen.rows()
    assert (nobody.username, nobody.user_id) == ("", None)
    assert (admin.username, admin.user_id, admin.ip_address) == ("the-admin", cast.admin.pk, "192.0.2.1")
    with request_origin(RequestOrigin()):  # what a request before left behind means nothing
        set_principal(Principal(user_id=cast.admin.pk))
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


def test_a_password_that_is_hashed_again_leaves_the_event_of_that_alone(seen, settings, monkeypatch):
    monkeypatch.setattr("accounts.core.hashers.BCryptPasswordHasher.must_update", lambda *_: True)
    before = seen.user.password
    assert seen.user.check_password("Correct-Horse-7")
    assert users(seen.user).get().password != before
    assert seen.said() == ["system stored the password of the-viewer in the present form"]


@pytest.mark.parametrize("command", ["auditlogflush", "auditlogmigratejson"])
def test_the_librarys_commands_are_not_there(command):
    with pytest.raises(CommandError, match="Unknown command"):
        call_command(command)


def test_the_library_has_no_table(db):
    assert [name for name in connection.introspection.table_names() if name.startswith("auditlog")] == []


def test_services_leave_the_events_that_they_always_left(seen, cast):
    def actions():
        return [row.action for row in seen.rows()]

    user = user_services.create_user(
        actor=SYSTEM, username="ann", email="ann@lab.example", password=PASSWORD, roles=["Viewer"]
    )
    assert actions() == ["create"]
    user_services.update_user(actor=SYSTEM, user_id=user.pk, first_name="Ann", roles=["Manager"])
    assert sorted(actions()) == ["role_assign", "role_revoke", "update"]
    user_services.lock_user(actor=SYSTEM, user_id=user.pk)
    user_services.unlock_user(actor=SYSTEM, user_id=user.pk)
    assert actions() == ["lock", "unlock"]
    signed_in = sign_in_with_tokens(identifier="ann", password=PASSWORD)
    refreshed = refresh.refresh_session(refresh_token=signed_in.pair.refresh_token)
    session_services.find_session(session_id=refreshed.session.pk, user_id=user.pk)
    session_services.sign_out(session=refreshed.session)
    assert actions() == ["login", "token_refresh", "logout"]
    role = role_services.create_role(actor=SYSTEM, name="Guest", permissions=["animal_read"])
    role_services.update_role(actor=SYSTEM, role_id=role.pk, permissions=[])
    role_services.delete_role(actor=SYSTEM, role_id=role.pk)
    assert actions() == ["create", "update", "delete"]
    password_services.reset_password(actor=SYSTEM, user_id=user.pk, password="Other-Horse-8")
    user_services.delete_user(actor=SYSTEM, user_id=user.pk)
    assert actions() == ["password_reset", "delete"]
    load_default_data()
    Session.objects.filter(pk=seen.session.pk).update(expires_at=timezone.now())
    assert actions() == ["update"]
    end_expired_sessions()
    assert actions() == ["session_end"]


def test_the_log_stays_sealed_and_proven_and_can_be_exported(seen, cast):
    seen.user.roles.clear()
    seen.right.roles.clear()
    seen.key.delete()
    with_password(seen.user)
    Sealer().seal()
    call_command("verify_audit", stdout=StringIO())
    reader = Caller(cast.super_admin)
    row = seen.rows()[-1]
    assert sentence(row) == f"system changed the password of the-viewer{DIRECTLY}"
    for file_format in ("jsonl", "csv", "bundle"):
        answer = reader.get(f"/api/audit/export?format={file_format}")
        assert answer.status_code == 200, answer.content
        assert str(row.pk) in b"".join(answer.streaming_content).decode()
    page = page_client(cast.super_admin).get("/audit").content.decode()
    assert sentence(row).split(" ", 1)[1] in unescape(re.sub(r"<[^>]+>", "", page))


def test_erasing_a_person_takes_them_out_of_direct_changes_too(seen, cast):
    saved(seen.user, email="quilla@lab.example", first_name="Quilla", last_name="Quill", username="quilla")
    saved(seen.change, address="quilla.q@lab.example")
    saved(seen.mail, address="quilla.q@lab.example")
    saved(seen.key, addresses=["203.0.113.99"])
    saved(seen.session, ended_at=timezone.now())
    seen.user.roles.clear()
    saved(seen.user, username="quillb")
    Sealer().seal()
    assert "quill" in str(list(AuditLog.objects.values()))
    erase_personal_data(actor=cast.super_admin, user_id=seen.user.pk)
    written = str(list(AuditLog.objects.values()))
    for part in ("quill", "203.0.113.99", "the-viewer", "Anna"):
        assert part not in written, part
    call_command("verify_audit", stdout=StringIO())


@pytest.mark.only_on("postgresql")
def test_without_redis_the_change_and_its_event_are_there_all_the_same(seen, valkey):
    assert Caller(seen.user).get("/api/auth/me").status_code == 200
    valkey.stop()
    saved(seen.user, is_active=False)
    seen.other.roles.clear()
    assert seen.said() == ["system deactivated the-viewer", "system took the role Manager from the-manager"]
    assert Caller(seen.user).get("/api/auth/me").status_code == 401
