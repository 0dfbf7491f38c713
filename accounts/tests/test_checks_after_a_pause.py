"""What was allowed when a change began is asked again when it is stored: hashing a password or waiting for a lock takes
long enough for others to change who may do what.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts import hashers
from accounts.models import Permission, Role, User
from accounts.services import imports, passwords, roles, users
from audit.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.pytest_unrecorded import someone_else
from reprotech.testing import PASSWORD, audit_rows, eventually, make_user

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
    return imports.import_users(actor=actor, rows=[imports.NewUser(2, fields, ("Viewer",), NEW)])


def create_one(actor):
    return users.create_user(actor=actor, username="new-1", email="new-1@lab.example", password=NEW, roles=["Viewer"])


def reset(actor):
    return passwords.reset_password(actor=actor, user_id=User.objects.get(username="the-viewer").pk, password=NEW)


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
        real = imports.hash_many

        def hash_many(passwords):
            with someone_else():
                happen(cast)
            return real(passwords)

        monkeypatch.setattr(imports, "hash_many", hash_many)
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
            return roles.delete_role(actor=cast.super_admin, role_id=role.pk, reassign_to="viewer")
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


def someone_waits():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]
