"""What was allowed when a change began is asked again when it is stored: hashing a password or waiting for a lock takes
long enough for others to change who may do what.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.core import hashers
from accounts.models import Permission, Role, User
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.sessions import services as session_services
from accounts.users import bulk, erasure
from accounts.users import services as user_services
from accounts.users.csv import import_users
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.testing.cast import PASSWORD, audit_rows, eventually, make_user
from reprotech.testing.unrecorded_changes import someone_else

NEW = "Other-Horse-8"


@pytest.fixture
def while_hashing(monkeypatch):
    """Have something happen while the first hash of a password is made."""

    def arrange(happening):
        happened, original = [], hashers.BCryptPasswordHasher.encode

        def encode(self, password, salt):
            if not happened:
                happened.append(True)
                with someone_else(), explicitly_recorded():
                    happening()
            return original(self, password, salt)

        monkeypatch.setattr(hashers.BCryptPasswordHasher, "encode", encode)

    return arrange


def promote(user):
    user.roles.add(Role.objects.get(slug="super_admin"))


def lose_role(user):
    user.roles.clear()


def gain_permission():
    Role.objects.get(slug="viewer").permissions.add(Permission.objects.get(name="settings_update"))


def import_one(actor):
    fields = {"username": "new-1", "email": "new-1@lab.example", "first_name": "", "last_name": "", "is_active": True}
    return import_users.import_users(actor=actor, rows=[import_users.ImportRow(2, fields, ("Viewer",), NEW)])


def create_one(actor):
    return user_services.create_user(
        actor=actor, username="new-1", email="new-1@lab.example", password=NEW, roles=["Viewer"]
    )


def reset(actor):
    return password_services.reset_password(
        actor=actor, user_id=User.objects.get(username="the-viewer").pk, password=NEW
    )


HAPPENINGS = {
    "reset, target promoted": (reset, lambda cast: promote(cast.viewer), "role_delete"),
    "reset, actor demoted": (reset, lambda cast: lose_role(cast.admin), "user_update"),
    "create, actor demoted": (create_one, lambda cast: lose_role(cast.admin), "user_create"),
    "create, role grew": (create_one, lambda cast: gain_permission(), "settings_update"),
    "import, actor demoted": (import_one, lambda cast: lose_role(cast.admin), "user_create"),
    "import, role grew": (import_one, lambda cast: gain_permission(), "settings_update"),
}


@pytest.mark.parametrize(("change", "happen", "required"), HAPPENINGS.values(), ids=HAPPENINGS)
def test_rights_that_change_while_a_password_is_hashed_decide(
    cast, monkeypatch, while_hashing, change, happen, required
):
    if change is import_one:  # its hashes are made in threads, which don't see the test's transaction
        real = import_users.hash_many

        def hash_many(passwords):
            with someone_else():
                happen(cast)
            return real(passwords)

        monkeypatch.setattr(import_users, "hash_many", hash_many)
    else:
        while_hashing(lambda: happen(cast))
    with audit_rows() as rows, pytest.raises(Forbidden) as denial:
        change(cast.admin)
    assert denial.value.required == required
    assert [(row.action, row.details["required"]) for row in rows] == [("access_denied", required)]
    assert not User.objects.filter(username="new-1").exists()
    assert User.objects.get(pk=cast.viewer.pk).check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_who_is_given_a_role_while_its_deletion_waits_for_it_is_not_reassigned_unlocked(cast, make_role, stack):
    """Only PostgreSQL lets them: SQLite's transactions exclude each other, so there the deletion comes second."""
    role, holder = make_role("Shift", "animal_read"), make_user("the-holder")

    def delete():
        try:
            return role_services.delete_role(actor=cast.super_admin, role_id=role.pk, reassign_to="viewer")
        except Conflict as refusal:
            return refusal
        finally:
            connection.close()

    if stack != "postgresql":
        holder.roles.add(role)
        assert delete() is None
        return
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            Role.objects.select_for_update(no_key=True).get(pk=role.pk)
            deletion = thread.submit(delete)
            eventually(someone_waits)
            holder.roles.add(role)
        refusal = deletion.result()
    assert isinstance(refusal, Conflict)
    assert refusal.message == "Someone was given this role a moment ago. Try again."
    assert [held.name for held in holder.roles.all()] == ["Shift"]


WAITING = {
    "lock_user": lambda actor, user, _: user_services.lock_user(actor=actor, user_id=user.pk),
    "assign_role": lambda actor, user, _: bulk.change_role(actor=actor, user_id=user.pk, assigned="viewer"),
    "erase_person": lambda actor, user, _: erasure.erase_personal_data(actor=actor, user_id=user.pk),
    "update_role": lambda actor, _, role: role_services.update_role(actor=actor, role_id=role.pk, description="Ours"),
    "delete_role": lambda actor, _, role: role_services.delete_role(actor=actor, role_id=role.pk, reassign_to="viewer"),
}


@pytest.mark.only_on("postgresql")  # SQLite's transactions exclude each other
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service", WAITING)
def test_what_is_taken_from_the_actor_while_a_service_waits_counts(cast, make_role, service):
    """Permissions are read once for each transaction, so they must be read when nothing is waited for any more."""
    role, holder, actor = make_role("Shift", "animal_read"), make_user("the-holder"), make_user("boss", "super_admin")

    def change():
        try:
            return WAITING[service](actor, holder, role)
        except Forbidden as denial:
            return denial
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic(), explicitly_recorded():
            User.objects.select_for_update(no_key=True).get(pk=holder.pk)
            Role.objects.select_for_update(no_key=True).get(pk=role.pk)
            waiting = thread.submit(change)
            eventually(someone_waits)
            actor.roles.clear()
        assert isinstance(waiting.result(), Forbidden)
    assert not User.objects.get(pk=holder.pk).is_locked


ONE_READ = {
    **WAITING,
    "update_user": lambda actor, user, role: user_services.update_user(
        actor=actor, user_id=user.pk, email="new@lab.example", roles=[role.name]
    ),
    "delete_user": lambda actor, user, _: user_services.delete_user(actor=actor, user_id=user.pk),
    "create_role": lambda actor, *_: role_services.create_role(actor=actor, name="New", permissions=["animal_read"]),
    "send_password_reset": lambda actor, user, _: password_services.send_password_reset(actor=actor, user_id=user.pk),
    "end_sessions": lambda actor, user, _: session_services.end_user_sessions(actor=actor, user_id=user.pk),
}


@pytest.mark.django_db
@pytest.mark.parametrize("service", ONE_READ)
def test_a_service_reads_once_what_its_actor_may_do(cast, make_role, service):
    role = make_role("Shift", "animal_read")
    with CaptureQueriesContext(connection) as queries:
        ONE_READ[service](cast.super_admin, cast.viewer, role)
    of_actor = [sql for sql in (query["sql"] for query in queries) if is_read_of(cast.super_admin, sql)]
    assert len(of_actor) == 1, of_actor


@pytest.mark.django_db
def test_the_next_service_reads_it_again(cast):
    user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    with explicitly_recorded():
        cast.admin.roles.clear()
    with pytest.raises(Forbidden):
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk)


def is_read_of(actor, sql):
    """Whether a query reads the names of the permissions that the actor's roles give."""
    is_of_actor = re.search(rf'"users"\."id" = {actor.pk}\b|U0\."id" = {actor.pk}\b', sql)
    return sql.startswith('SELECT "permissions"."name"') and is_of_actor and '"user_roles"' in sql


def someone_waits():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]
