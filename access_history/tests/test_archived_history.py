"""Events that were archived and dropped keep their history, and a rebuild begins from what was kept of it."""

import pytest

from access_history.models import AccountPeriod, ArchivedState, GrantPeriod
from access_history.projection.catch_up import catch_up
from access_history.tests.test_rebuilding import ann, check, contents  # noqa: F401 (a fixture)
from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role, revoke_role
from accounts.models import User
from accounts.users.erasure import erase_personal_data
from accounts.users.services import unlock_user, update_user
from audit.models import Action, AuditLog
from audit.retention.archiving import LeafRange, archived_until, drop_archived, write_archive
from audit.sealing.sealer import Sealer, latest_checkpoint
from reprotech.core.actors import System

pytestmark = pytest.mark.django_db


def drop_all(path):
    Sealer().seal()
    places = LeafRange(archived_until(), latest_checkpoint().size)
    with path.open("wb") as file:
        written = write_archive(actor=System(), file=file, places=places)
    drop_archived(actor=System(), archive=written)


def test_it_stays_and_goes_on(ann, cast, tmp_path):  # noqa: F811
    grant_role(actor=cast.super_admin, user_id=ann.pk, role="manager")
    before = (catch_up(), contents())[1]
    drop_all(tmp_path / "first")
    assert set(AuditLog.objects.values_list("action", flat=True)) == {Action.ARCHIVE}
    assert contents() == before
    assert check()[0] == 0
    assert contents() == before
    unlock_user(actor=SYSTEM, user_id=ann.pk)
    revoke_role(actor=SYSTEM, user_id=ann.pk, role="Lector")
    before = (catch_up(), contents())[1]
    drop_all(tmp_path / "second")
    update_user(actor=SYSTEM, user_id=ann.pk, username="annabel")
    catch_up()
    after = contents()
    assert check()[0] == 0
    assert contents() == after
    assert AccountPeriod.objects.filter(user_id=ann.pk).first().username == "ann"


def test_who_is_erased_is_erased_there_too(ann, cast, tmp_path):  # noqa: F811
    unlock_user(actor=SYSTEM, user_id=ann.pk)
    grant_role(actor=SYSTEM, user_id=ann.pk, role="super_admin")
    grant_role(actor=User.objects.get(pk=ann.pk), user_id=cast.stranger.pk, role="viewer")
    drop_all(tmp_path / "file")
    assert "'anna'" in str(list(ArchivedState.objects.values_list("state", flat=True)))
    erase_personal_data(actor=SYSTEM, user_id=ann.pk)
    assert "'ann" not in str(list(ArchivedState.objects.values_list("state", flat=True)))


@pytest.mark.parametrize("model", [AccountPeriod, ArchivedState])
def test_what_was_kept_and_changed_since_is_refused(ann, tmp_path, model):  # noqa: F811
    drop_all(tmp_path / "file")
    if model is ArchivedState:
        ArchivedState.objects.filter(kind="user").first().delete()
    else:
        AccountPeriod.objects.filter(to_event__isnull=False).first().delete()
    before = contents()
    code, words = check()
    assert code == 1
    assert "Nothing was rebuilt." in words
    assert contents() == before
    assert GrantPeriod.objects.exists()
    assert check("--check")[0] == 1
