"""What the database captures by itself, and what the sealer makes of it."""

import os
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from accounts.access.authorization import SYSTEM
from accounts.authentication.login import sign_in_with_tokens
from accounts.models import Permission, Role, RoleGrant, Session, User
from accounts.roles import services as role_services
from accounts.sessions import services as session_services
from accounts.sessions.refresh import refresh_session
from accounts.sessions.services import sign_out
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from audit.capture import settlement as capture_settlement
from audit.capture.captured_tables import CapturedTable, captured_tables
from audit.capture.triggers import install, suspended, trigger_problems
from audit.models import AuditLog, CapturedChange
from audit.presentation.event_text import sentence
from audit.sealing.sealer import Sealer, SealingInProgress
from audit.sealing.transaction_ids import reset_transaction_ids
from audit.verification.verifier import Verification
from reprotech.testing.cast import PASSWORD, at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def settled(cast):
    """Nothing is captured that a test begins with."""
    Sealer().seal()


def run(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def recorded():
    """What sealing puts on record, as (action, resource, id, name, what it says of the change)."""
    last = AuditLog.objects.newest_first().values_list("pk", flat=True).first() or 0
    Sealer().seal()
    assert not CapturedChange.objects.exists()
    return [
        (row.action, row.resource, row.resource_id, row.resource_name, row.details)
        for row in AuditLog.objects.filter(pk__gt=last).order_by("pk")
    ]


def brief():
    return [
        (action, resource, number, details["table"], " ".join(details["verbs"]), " ".join(details["columns"]))
        for action, resource, number, _, details in recorded()
    ]


def test_sql_by_hand_is_on_record_once(cast):
    eve, admin = cast.viewer.pk, Role.objects.get(slug="super_admin").pk
    run("UPDATE users SET is_active = false, password_hash = 'x' WHERE id = %s", eve)
    ((action, resource, number, name, details),) = recorded()
    assert (action, resource, number, name) == ("update", "user", str(eve), cast.viewer.username)
    assert (details["source"], details["columns"]) == ("database", ["is_active", "password_hash"])
    run("INSERT INTO user_roles (user_id, role_id) VALUES (%s, %s)", eve, admin)
    ((action, *_, details),) = recorded()
    assert (action, details["roles"]) == ("role_assign", ["Super Administrator"])
    run("UPDATE users SET last_login = CURRENT_TIMESTAMP WHERE id = %s", eve)
    assert recorded() == []
    run("DELETE FROM user_roles WHERE user_id = %s", eve)
    run("DELETE FROM users WHERE id = %s", eve)
    assert [row[0] for row in brief()] == ["role_revoke", "delete"]


def test_a_row_that_is_moved_to_another_owner_is_taken_and_given(cast):
    eve, manager = cast.viewer.pk, cast.stranger.pk
    run("UPDATE user_roles SET user_id = %s WHERE user_id = %s", manager, eve)
    assert [row[:3] for row in brief()] == [("role_revoke", "user", str(eve)), ("role_assign", "user", str(manager))]


def test_rows_of_through_tables_are_on_record_once(cast):
    role, start = Role.objects.get(slug="manager"), AuditLog.objects.count()
    RoleGrant.objects.create(user=cast.viewer, role=role)
    RoleGrant.objects.filter(user=cast.viewer, role=role).delete()
    RoleGrant.objects.bulk_create([RoleGrant(user=cast.viewer, role=role)])
    # By the ORM at once; the sealer finds nothing that is missing.
    given = list(AuditLog.objects.order_by("pk")[start:].values_list("action", flat=True))
    assert (given, brief()) == (["role_assign", "role_revoke", "role_assign"], [])
    permission = Permission.objects.get(name="user_delete")
    Role.permissions.through.objects.create(role=Role.objects.get(slug="viewer"), permission=permission)
    ((action, resource, _, name, details),) = recorded()
    assert (action, resource, name, details["added"]) == ("update", "role", "Viewer", ["user_delete"])


def test_services_sign_ins_and_upkeep_leave_no_event_beside_their_own(cast, settings):
    eve = cast.viewer
    before = AuditLog.objects.count()
    user_services.update_user(actor=SYSTEM, user_id=eve.pk, first_name="Ann", roles=["Viewer", "Manager"])
    user_services.lock_user(actor=SYSTEM, user_id=eve.pk)
    user_services.unlock_user(actor=SYSTEM, user_id=eve.pk)
    role = role_services.create_role(actor=SYSTEM, name="Guest", permissions=["animal_read"])
    user_services.update_user(actor=SYSTEM, user_id=eve.pk, roles=["Guest"])
    role_services.delete_role(actor=SYSTEM, role_id=role.pk, reassign_to="Viewer")
    signed_in = sign_in_with_tokens(identifier="the-manager", password=PASSWORD)
    signed_in = refresh_session(refresh_token=signed_in.pair.refresh_token)
    sign_out(session=signed_in.session)
    over = sign_in_with_tokens(identifier="the-manager", password=PASSWORD).session
    Session.objects.filter(pk=over.pk).update(expires_at=over.created_at)
    session_services.end_expired_sessions()
    user_services.delete_user(actor=SYSTEM, user_id=eve.pk)
    Session.objects.filter(pk=over.pk).delete()  # it has ended
    own = AuditLog.objects.count() - before
    assert CapturedChange.objects.exclude(verb="event").count() > own
    assert recorded() == []


def test_an_event_that_is_made_up_or_copied_accounts_for_nothing(cast):
    eve = cast.viewer.pk
    user_services.lock_user(actor=SYSTEM, user_id=eve)
    assert recorded() == []
    row = AuditLog.objects.newest_first().values().first()
    del row["id"]
    with transaction.atomic():
        run("UPDATE users SET locked_at = NULL WHERE id = %s", eve)
        copy = AuditLog(**row)
        super(AuditLog, copy).save()  # with the code of the original
    assert [event[:2] for event in brief()] == [("update", "user")]
    with transaction.atomic():
        run("UPDATE users SET is_active = false WHERE id = %s", eve)
        forged = AuditLog(**{**row, "action": "update", "authentication": b"0" * 32})
        super(AuditLog, forged).save()
    assert [event[:2] for event in brief() if event] == [("update", "user")]


def test_a_trigger_that_is_missing_off_or_altered_is_reported_and_brought_back_by_migrating(cast, stack):
    assert trigger_problems() == []
    broken = {
        "postgresql": [
            "ALTER TABLE users DISABLE TRIGGER audit_capture_update",
            "DROP TRIGGER audit_capture_insert ON user_roles",
            "DROP TRIGGER audit_capture_update ON roles",
            (
                "CREATE TRIGGER audit_capture_update AFTER UPDATE ON roles FOR EACH ROW WHEN (OLD.name <> NEW.name) "
                "EXECUTE FUNCTION audit_capture_change('role=id', 'id', 'name')"
            ),
            "GRANT EXECUTE ON FUNCTION audit_capture_change() TO PUBLIC",
        ],
        "sqlite": [
            "DROP TRIGGER audit_capture_user_roles_insert",
            "DROP TRIGGER audit_capture_roles_update",
            "CREATE TRIGGER audit_capture_roles_update AFTER UPDATE ON roles WHEN 0 BEGIN SELECT 1; END",
        ],
    }[stack]
    for statement in broken:
        run(statement)
    problems = trigger_problems()
    assert len(problems) == {"postgresql": 4, "sqlite": 2}[stack]
    assert any("user_roles is missing" in problem for problem in problems)
    assert any("roles is not the one that was installed" in problem for problem in problems)
    install()
    assert trigger_problems() == []


def test_a_column_that_is_tracked_from_now_on_is_captured_after_migrating(cast, monkeypatch):
    from audit.capture import triggers

    wider = [
        table if table.name != "users" else CapturedTable("users", "id", (*table.columns, "last_login"), table.subjects)
        for table in captured_tables()
    ]
    monkeypatch.setattr(triggers, "captured_tables", lambda: wider)
    assert len(trigger_problems()) >= 1
    install()
    assert trigger_problems() == []
    monkeypatch.undo()
    install()
    assert trigger_problems() == []


def test_nothing_is_captured_of_what_is_loaded_while_it_is_suspended(cast):
    with transaction.atomic(), suspended():
        User.objects.filter(pk=cast.viewer.pk).update(is_active=False)
        RoleGrant.objects.filter(user=cast.viewer).delete()
    assert not CapturedChange.objects.exclude(verb="event").exists()
    assert trigger_problems() == []


def test_of_two_sealers_one_puts_a_change_on_record(cast):
    run("UPDATE users SET is_active = false")
    users_changed = User.objects.count()
    before = AuditLog.objects.count()
    outcomes = at_once(*[lambda: Sealer().seal()] * 3)
    assert all(not isinstance(outcome, Exception) or isinstance(outcome, SealingInProgress) for outcome in outcomes)
    assert AuditLog.objects.count() == before + users_changed
    assert recorded() == []


def test_a_sealer_that_is_stopped_in_between_leaves_it_to_the_next(cast, monkeypatch):
    run("UPDATE users SET is_active = false WHERE id = %s", cast.viewer.pk)

    def fail(_):
        raise KeyboardInterrupt

    before = AuditLog.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(capture_settlement, "_remove", fail)
        with pytest.raises(KeyboardInterrupt):
            Sealer().seal()
    assert (AuditLog.objects.count(), CapturedChange.objects.count()) == (before, 1)
    assert len(recorded()) == 1


def test_many_changes_are_settled_in_batches(cast, monkeypatch):
    monkeypatch.setattr(capture_settlement, "BATCH_SIZE", 3)
    run("UPDATE users SET is_active = false")
    for _ in range(2):
        user_services.update_user(actor=SYSTEM, user_id=cast.stranger.pk, is_active=True, roles=["Viewer"])
        user_services.update_user(actor=SYSTEM, user_id=cast.stranger.pk, is_active=False, roles=[])
    run("UPDATE users SET email = 'x@lab.example' WHERE id = %s", cast.viewer.pk)
    assert len(recorded()) == User.objects.count() + 1


def test_what_is_captured_holds_no_value(cast):
    secret = "b1gsecret-b1gsecret-b1gsecret"
    run("UPDATE users SET password_hash = %s, email = %s WHERE id = %s", secret, secret, cast.viewer.pk)
    run("UPDATE permissions SET description = %s WHERE name = 'user_read'", secret)
    assert secret not in str(list(CapturedChange.objects.values()))
    assert secret not in str(recorded())


@pytest.fixture
def psql():
    """Another program with a connection of its own."""
    with psycopg.connect(
        os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"], application_name="psql"
    ) as other:
        yield other


@pytest.mark.only_on("postgresql")
def test_an_event_says_who_it_was_as_far_as_postgresql_knows(cast, psql):
    psql.execute("UPDATE users SET locked_at = now() WHERE id = %s", [cast.viewer.pk])
    assert recorded() == []  # it isn't committed yet
    psql.commit()
    Sealer().seal()
    event = AuditLog.objects.newest_first().first()
    assert (event.username, event.user_id, event.ip_address) == ("database role reprotech", None, "127.0.0.1")
    assert (event.user_agent, event.details["application"], event.request_id) == ("psql", "psql", "")
    assert len(AuditLog.objects.filter(resource="user", action="update", details__source="database")) == 1


@pytest.mark.only_on("postgresql")
def test_a_transaction_that_runs_on_holds_up_no_other_ones_changes(cast, psql):
    psql.execute("UPDATE users SET locked_at = now() WHERE id = %s", [cast.viewer.pk])
    run("UPDATE users SET locked_at = now() WHERE id = %s", cast.stranger.pk)
    assert [row[2] for row in brief()] == [str(cast.stranger.pk)]
    psql.commit()
    assert [row[2] for row in brief()] == [str(cast.viewer.pk)]


@pytest.mark.only_on("postgresql")
def test_a_table_that_is_emptied_is_on_record(cast, psql):
    psql.execute("TRUNCATE recovery_codes")
    psql.commit()
    ((action, resource, number, _, details),) = recorded()
    assert (action, resource, number) == ("update", "user", "")
    assert (details["verbs"], details["table"]) == (["truncate"], "recovery_codes")


@pytest.mark.only_on("sqlite")
def test_a_change_by_another_program_is_on_record_whatever_it_writes_beside_it(cast):
    number = AuditLog.objects.newest_first().first().pk
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("UPDATE users SET is_active = 0 WHERE id = ?", [cast.viewer.pk])
        other.commit()
    ((action, resource, key, name, details),) = recorded()
    assert (action, resource, key, name) == ("update", "user", str(cast.viewer.pk), cast.viewer.username)
    event = AuditLog.objects.get(pk__gt=number)
    assert (event.username, "database_role" in details) == ("unknown (SQLite)", False)


@pytest.mark.only_on("sqlite")
def test_a_statement_on_its_own_belongs_to_no_transaction_before_it(cast):
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    run("UPDATE users SET is_active = 0 WHERE id = %s", cast.viewer.pk)
    run("BEGIN")
    run("UPDATE users SET email = 'x' WHERE id = %s", cast.viewer.pk)
    run("COMMIT")
    assert list(CapturedChange.objects.order_by("-pk").values_list("transaction_id", flat=True)[:2]) == [None, None]
    assert [row[5] for row in brief()] == ["email is_active"]


def test_a_password_that_is_stored_in_another_form_at_a_sign_in_is_on_record_once(cast, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    before = AuditLog.objects.count()
    assert cast.viewer.check_password(PASSWORD)
    assert AuditLog.objects.count() == before + 1
    assert recorded() == []


def test_a_migration_s_models_are_captured_too(cast):
    from django.db.migrations.executor import MigrationExecutor

    historical = MigrationExecutor(connection).loader.project_state().apps.get_model("accounts", "User")
    historical.objects.filter(pk=cast.viewer.pk).update(must_change_password=True)
    assert [row[:3] for row in brief()] == [("update", "user", str(cast.viewer.pk))]


def test_what_the_orm_changed_outside_of_services_is_recorded_once(cast):
    before = AuditLog.objects.count()
    user = User.objects.get(pk=cast.viewer.pk)
    user.first_name = "Ann"
    user.save()
    user.roles.add(Role.objects.get(slug="manager"))
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.delete()
    assert AuditLog.objects.count() == before + 4
    assert recorded() == []


def test_migrations_back_and_forth_end_with_every_trigger(cast):
    call_command("migrate", "accounts", "0001", verbosity=0)
    call_command("migrate", "audit", "0014", verbosity=0)
    # In SQL, since the model has columns that came later; no trigger is left that would write.
    run("UPDATE users SET first_name = 'Ann' WHERE id = %s", cast.viewer.pk)
    call_command("migrate", verbosity=0)
    assert trigger_problems() == []
    run("UPDATE users SET first_name = 'Eve' WHERE id = %s", cast.viewer.pk)
    assert len(brief()) == 1


@pytest.mark.only_on("postgresql")
def test_what_was_not_settled_yet_is_told_apart_after_a_restore_on_another_server(cast):
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    run("UPDATE users SET first_name = 'Ann' WHERE id = %s", cast.stranger.pk)
    reset_transaction_ids()
    assert [row[2] for row in brief()] == [str(cast.stranger.pk)]


def test_events_of_captured_changes_verify_and_are_erased_with_the_person(cast):
    run("UPDATE users SET first_name = 'Ann' WHERE id = %s", cast.viewer.pk)
    run("INSERT INTO user_roles (user_id, role_id) VALUES (%s, %s)", cast.viewer.pk, Role.objects.get(slug="admin").pk)
    assert [row[3] for row in recorded()] == [cast.viewer.username] * 2
    erase_personal_data(actor=SYSTEM, user_id=cast.viewer.pk)
    events = AuditLog.objects.filter(details__source="database", resource_id=str(cast.viewer.pk))
    assert {event.resource_name for event in events} == {""}
    assert all("an erased person" in sentence(event) for event in events)
    assert list(Verification().findings()) == []


def test_a_lock_by_sql_keeps_a_cached_session_out_once_it_is_on_record(cast, viewer):
    assert [viewer.get("/api/auth/me").status_code for _ in range(2)] == [200, 200]
    run("UPDATE users SET locked_at = CURRENT_TIMESTAMP WHERE id = %s", cast.viewer.pk)
    Sealer().seal()
    assert viewer.get("/api/auth/me").status_code == 401
