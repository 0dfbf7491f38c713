"""The history can be thrown away and rebuilt, and a check names what was changed behind its back."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from access_history.models import AccountDay, AccountPeriod, GrantPeriod, HistoryState, RolePeriod, RolePermissionPeriod
from access_history.projection import catch_up as catching_up
from access_history.projection.catch_up import catch_up
from access_history.tests.snapshots import total_at
from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role
from accounts.models import RoleGrant, User
from accounts.roles.services import create_role, update_role
from accounts.users.erasure import erase_personal_data
from accounts.users.services import delete_user, lock_user, update_user
from audit.models import Action, AuditLog
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import make_user

MODELS = (AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod, AccountDay)


@pytest.fixture
def ann(cast):
    """Someone with a history, in a log that says all of it."""
    gone = AuditLog.objects.get(resource="user", resource_name="admin", action="create")
    record(actor=SYSTEM, action=Action.DELETE, resource="user", resource_id=gone.resource_id)
    user = make_user("ann", "viewer", first_name="Ann")
    role = create_role(actor=SYSTEM, name="Reader", permissions=["animal_read"])
    grant_role(actor=SYSTEM, user_id=user.pk, role="Reader")
    update_role(actor=SYSTEM, role_id=role.pk, name="Lector", permissions=["sample_read"])
    lock_user(actor=SYSTEM, user_id=user.pk)
    update_user(actor=SYSTEM, user_id=user.pk, username="anna")
    return user


def contents():
    return [sorted(model._default_manager.values_list(*names(model)), key=str) for model in MODELS]


def names(model):
    return [field.name for field in model._meta.concrete_fields if field.name != "id"]


def check(*options):
    """The exit code and the words of the command."""
    out = StringIO()
    try:
        call_command("rebuild_access_history", *options, stdout=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_a_rebuild_gives_the_same(db, ann):
    catch_up()
    before = contents()
    assert check() == (
        0,
        f"The access history is what the audit log says up to event {AuditLog.objects.first().pk:,}.\n",
    )
    assert contents() == before


@pytest.mark.parametrize(
    ("model", "change", "named"),
    [
        (GrantPeriod, lambda rows: rows.last().delete(), "access_grant_periods lacks"),
        (AccountPeriod, lambda rows: rows.filter(is_locked=True).update(is_locked=False), "access_account_periods has"),
        (RolePeriod, lambda rows: rows.filter(name="Reader").update(name="Chief"), "access_role_periods has"),
        (RolePermissionPeriod, lambda rows: rows.filter(permission="sample_read").delete(), "permission sample_read"),
    ],
)
def test_a_row_that_was_changed_by_hand_is_named(db, ann, model, change, named):
    catch_up()
    change(model.objects.order_by("id"))
    code, words = check("--check")
    assert code == 1
    assert named in words
    assert "ann" not in words
    assert check()[0] == 0


def test_what_the_log_never_said_is_named_and_put_on_record(db, ann):
    catch_up()
    with explicitly_recorded():
        User.objects.filter(pk=ann.pk).update(is_active=False, last_name="Li")
        RoleGrant.objects.filter(user=ann).first().delete()
    code, words = check("--check")
    assert code == 1
    for sentence in ("has another is_active", "has another last_name", "doesn't hold the role"):
        assert f"Account {ann.pk} {sentence}" in words
    assert check("--record-differences")[0] == 0
    event = AuditLog.objects.newest_first().first()
    assert (event.username, event.details["reason"]) == ("system", "as found")
    assert event.details["state"]["is_active"] is False
    assert check("--check")[0] == 0


def test_an_old_log_without_beginnings_is_told_apart_and_mended(db, cast):
    code, words = check()
    assert code == 1
    assert "is gone, and the log doesn't say so" in words
    assert check("--record-differences")[0] == 0
    assert total_at(timezone.now()) == User.objects.existing().count()


def test_names_go_with_the_erasure(db, ann, cast):
    catch_up()
    GrantPeriod.objects.filter(user_id=cast.viewer.pk).update(granted_by_id=ann.pk, granted_by_name="ann")
    delete_user(actor=SYSTEM, user_id=ann.pk)
    catch_up()
    erase_personal_data(actor=SYSTEM, user_id=ann.pk)
    of_ann = AccountPeriod.objects.filter(user_id=ann.pk)
    assert of_ann.count() > 2
    assert {row.full_name for row in of_ann} == {f"an erased person (#{ann.pk})"}
    assert not GrantPeriod.objects.filter(granted_by_name="ann").exists()
    GrantPeriod.objects.filter(user_id=cast.viewer.pk).update(granted_by_id=None, granted_by_name="system")
    before = contents()
    assert check()[0] == 0
    assert contents() == before


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_catch_up_at_once_replay_each_event_once(ann, monkeypatch):
    monkeypatch.setattr(catching_up, "BATCH_SIZE", 3)

    def run():
        try:
            return catch_up(None)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: run(), range(2)))
    assert catch_up(None).complete_to is None
    assert check("--check")[0] == 0


def test_an_end_in_the_middle_of_a_batch_leaves_nothing_half(db, ann, monkeypatch):
    def fail(*_):
        raise SystemExit

    monkeypatch.setattr(catching_up, "BATCH_SIZE", 5)
    with monkeypatch.context() as patch:
        patch.setattr(HistoryState, "save", fail)
        with pytest.raises(SystemExit):
            catch_up(None)
    assert not AccountPeriod.objects.exists()
    assert not HistoryState.objects.exists()
    catch_up(None)
    assert check("--check")[0] == 0


def test_a_reader_leaves_a_long_way_to_the_worker_and_says_how_far_it_is(db, ann):
    first = AuditLog.objects.order_by("pk").first()
    assert catch_up(3).complete_to == first.timestamp
    assert catch_up(3).last_event == 0
    assert catch_up(None).complete_to is None


def test_nothing_is_written_where_nothing_is_missing(db, ann, django_assert_num_queries):
    catch_up(None)
    with django_assert_num_queries(1):
        catch_up()


def test_an_event_that_this_installation_did_not_write_is_passed_over(db, ann):
    event = AuditLog.objects.get(resource_name="ann", action="create")
    event.pk, event._state.adding, event.resource_id = None, True, "987654"
    event.authenticate = lambda: None
    event.save()
    catch_up(None)
    assert not AccountPeriod.objects.filter(user_id=987654).exists()
