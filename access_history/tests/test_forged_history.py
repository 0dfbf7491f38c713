"""Those who have the password of the server's database role can write the history's tables: each change is found."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from access_history import housekeeping
from access_history.archiving.kept_periods import MEMBER, hash_of_kept
from access_history.housekeeping import check_if_due
from access_history.models import AccountDay, AccountPeriod, ArchivedState, GrantPeriod, HistoryState
from access_history.projection.catch_up import catch_up
from access_history.projection.progress import Progress
from access_history.rebuilding import rebuild as rebuilding
from access_history.replay.spans import Facts
from access_history.tests.test_archived_history import drop_all
from access_history.tests.test_rebuilding import ann, check, contents  # noqa: F401 (a fixture)
from accounts.access.authorization import SYSTEM
from accounts.users.services import unlock_user
from audit.models import Action, AuditLog
from audit.services import record
from reprotech.core.exceptions import Conflict

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def repeat(row, **values):
    """The row once more, as SQL would insert it."""
    row.pk, row._state.adding = None, True
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def forge_duplicate(user):
    repeat(GrantPeriod.objects.filter(user_id=user.pk).first())


def forge_account_below_zero(user):
    repeat(AccountPeriod.objects.live().get(user_id=user.pk), user_id=-5, username="nobody")


def forge_total(user):
    AccountDay.objects.update(begun=F("begun") + 1)


def forge_day(user):
    AccountDay.objects.create(day=LONG_AGO.date(), begun=1, ended=1)


def forge_beginning(user):
    HistoryState.objects.update(begins_at=LONG_AGO)


def forge_archived_state(user):
    """Someone who left, with a role of theirs: in the tables, and in the states that a replay begins with."""
    period = {"from_at": LONG_AGO, "to_at": LONG_AGO + timedelta(days=9), "from_event": 1, "to_event": 1, "user_id": 77}
    facts = Facts(username="gone")._asdict()
    grant = {"role_id": 1, "starts_at": None, "ends_at": None, "period_event": 1, "granted_by_id": None}
    grant["granted_by_name"] = "system"
    AccountPeriod.objects.create(**period, **facts)
    GrantPeriod.objects.create(**period, **grant)
    period |= {name: period[name].isoformat() for name in ("from_at", "to_at")}
    state = {"account": {**period, **facts}, "grants": [{**period, **grant}]}
    ArchivedState.objects.create(kind="user", subject_id=77, state=state)


def forge_archive(user):
    """An event that says that all was archived, whose code this installation never made."""
    AccountPeriod.objects.filter(user_id=user.pk).exclude(to_event=None).delete()
    event = AuditLog.objects.order_by("-pk").first()
    kept = {"until": event.pk, "sha256": hash_of_kept(event.pk)}
    event.authenticate = lambda: None
    repeat(event, action="archive", resource="audit", details={"start": 0, "end": 0, MEMBER: kept})


@pytest.mark.parametrize(
    "forge",
    [
        *(forge_duplicate, forge_account_below_zero, forge_total, forge_day, forge_beginning),
        *(forge_archived_state, forge_archive),
    ],
)
def test_what_is_forged_is_found_and_undone(ann, forge):  # noqa: F811
    catch_up(None)
    before = contents()
    forge(ann)
    code, words = check("--check")
    assert code == 1, words
    check()
    assert contents() == before


def test_an_archive_makes_no_truth_of_what_was_forged(ann, tmp_path):  # noqa: F811
    catch_up(None)
    GrantPeriod.objects.filter(user_id=ann.pk).first().delete()
    with pytest.raises(Conflict, match="rebuild_access_history"):
        drop_all(tmp_path / "file")
    assert AuditLog.objects.filter(resource_id=str(ann.pk)).exists()


def test_what_was_kept_and_forged_is_not_kept_again(ann, tmp_path):  # noqa: F811
    drop_all(tmp_path / "first")
    AccountPeriod.objects.filter(to_event__isnull=False).first().delete()
    with pytest.raises(Conflict):
        drop_all(tmp_path / "second")


def test_a_check_that_is_said_to_come_is_due(ann):  # noqa: F811
    catch_up(None)
    HistoryState.objects.update(checked_at=timezone.now() + timedelta(days=900))
    check_if_due()
    assert HistoryState.objects.get().checked_at <= timezone.now()


def test_a_history_that_is_said_to_be_complete_is_found_behind(ann):  # noqa: F811
    catch_up(None)
    HistoryState.objects.update(last_event=F("last_event") + 1_000)
    unlock_user(actor=SYSTEM, user_id=ann.pk)
    assert check("--check")[0] == 1
    assert check()[0] == 0
    assert not AccountPeriod.objects.live().get(user_id=ann.pk).is_locked


def test_who_is_missing_is_found_though_no_event_says_that_they_came(ann):  # noqa: F811
    about = {"actor": SYSTEM, "resource": "user", "resource_id": 987}
    record(action=Action.UPDATE, changes={"is_active": (True, False)}, **about)
    record(action=Action.DELETE, **about)
    catch_up(None)
    before = contents()
    assert AccountPeriod.objects.filter(user_id=987).delete()[0] == 1
    AccountDay.objects.all().delete()
    rebuilding._count_days()
    assert check("--check")[0] == 1
    check()
    assert contents() == before


@pytest.mark.parametrize(("behind", "is_checked"), [(timedelta(minutes=5), False), (timedelta(hours=2), True)])
def test_nobody_keeps_the_check_from_running_by_a_transaction_that_stays_open(ann, monkeypatch, behind, is_checked):  # noqa: F811
    catch_up(None)
    since = timezone.now() - behind
    HistoryState.objects.update(replayed_at=since)
    monkeypatch.setattr(housekeeping, "catch_up", lambda: Progress(1, since, since))
    forge_duplicate(ann)
    check_if_due()
    assert HistoryState.objects.get().difference_count == (1 if is_checked else 0)
