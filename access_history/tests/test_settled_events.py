"""An event that commits late, with a lower id than others, is replayed in its place, and reverted by none."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from access_history.models import AccountPeriod, GrantPeriod, RolePermissionPeriod
from access_history.projection import catch_up as catching_up
from access_history.projection.catch_up import catch_up
from access_history.projection.progress import lock_history
from accounts.access.authorization import SYSTEM
from accounts.models import Permission, Role, RoleGrant, User
from accounts.users.services import lock_user
from audit.capture import locked_rows
from audit.capture.settlement import settle
from reprotech.testing.cast import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@contextmanager
def locking_slowly(user):
    """A service that locks an account, with its event written and not committed yet."""
    is_written, may_end = Event(), Event()

    def lock_slowly():
        try:
            with transaction.atomic():
                lock_user(actor=SYSTEM, user_id=user.pk)
                is_written.set()
                may_end.wait(120)
        finally:
            connection.close()

    thread = Thread(target=lock_slowly)
    thread.start()
    assert is_written.wait(60)
    try:
        yield
    finally:
        may_end.set()
        thread.join()


def test_nothing_overtakes_an_event_that_is_not_committed_yet(cast, monkeypatch):
    ann, ben = make_user("ann"), make_user("ben")
    catch_up(None)
    monkeypatch.setattr(catching_up, "WORKER_WAIT_SECONDS", 0.05)
    with locking_slowly(ann):
        lock_user(actor=SYSTEM, user_id=ben.pk)
        assert catch_up(None).complete_to is not None
        assert not AccountPeriod.objects.filter(is_locked=True).exists()
    assert catch_up(None).complete_to is None
    locked = AccountPeriod.objects.filter(is_locked=True).order_by("from_event")
    assert [row.user_id for row in locked] == [ann.pk, ben.pk]


def in_own_connection(act):
    try:
        return act()
    finally:
        connection.close()


def in_a_shell(change):
    """A change by the ORM in a process of its own, which may have to wait."""
    thread = Thread(target=in_own_connection, args=(change,))
    thread.start()
    # Long enough to read what isn't committed yet, if it reads it.
    thread.join(1)
    return thread


def test_what_a_shell_read_before_a_service_committed_reverts_it_in_no_history(cast):
    ann, role = make_user("ann"), Role.objects.get(slug="viewer")
    with locking_slowly(ann):
        shell = in_a_shell(lambda: RoleGrant.objects.create(user=ann, role=role))
    shell.join()
    catch_up(None)
    assert AccountPeriod.objects.live().get(user_id=ann.pk).is_locked
    assert GrantPeriod.objects.live().get(user_id=ann.pk).role_id == role.pk


def test_of_two_shells_the_later_one_knows_what_the_other_did(cast):
    ann = make_user("ann")
    viewer, manager = (Role.objects.get(slug=slug) for slug in ("viewer", "manager"))
    with transaction.atomic():
        viewer.permissions.remove(*viewer.permissions.all())
        ann.roles.add(viewer)
        shells = [
            in_a_shell(lambda: User.objects.get(pk=ann.pk).roles.add(manager)),
            in_a_shell(lambda: viewer.permissions.add(Permission.objects.get(name="user_read"))),
        ]
    for shell in shells:
        shell.join()
    catch_up(None)
    assert set(GrantPeriod.objects.live().filter(user_id=ann.pk).values_list("role_id", flat=True)) == {
        viewer.pk,
        manager.pk,
    }
    held = RolePermissionPeriod.objects.live().filter(role_id=viewer.pk)
    assert list(held.values_list("permission", flat=True)) == ["user_read"]


def change_by_sql(user):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET must_change_password = true WHERE id = %s", [user.pk])


def settle_now():
    return settle(lambda: None)


def test_what_was_read_before_a_service_committed_reverts_it_in_no_history(cast):
    ann, ben = make_user("ann"), make_user("ben")
    settle_now()
    change_by_sql(ann)
    change_by_sql(ben)
    with locking_slowly(ann):
        # Another account's change doesn't wait for it.
        assert settle_now() == 1
    assert settle_now() == 1
    catch_up(None)
    assert AccountPeriod.objects.live().get(user_id=ann.pk).is_locked
    assert not AccountPeriod.objects.live().get(user_id=ben.pk).is_locked


def test_nobody_keeps_a_change_out_of_the_log_by_holding_a_row(cast, monkeypatch):
    ann = make_user("ann")
    settle_now()
    change_by_sql(ann)
    monkeypatch.setattr(locked_rows, "LONGEST_WAIT", timedelta())
    with locking_slowly(ann):
        assert settle_now() == 1


def test_a_reader_doesn_t_wait_for_an_archive_or_a_rebuild(cast, monkeypatch):
    monkeypatch.setattr(catching_up, "READER_LOCK_SECONDS", 0.05)
    ann = make_user("ann")
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_history()
        progress = pool.submit(in_own_connection, catch_up).result(60)
        assert progress.complete_to is not None
    assert catch_up().complete_to is None
    assert AccountPeriod.objects.filter(user_id=ann.pk).exists()
