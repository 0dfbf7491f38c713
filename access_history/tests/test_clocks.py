"""Two servers whose clocks differ, or a clock that is set back: what is taken stays taken, for auditors too."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access_history.projection.catch_up import catch_up
from access_history.tests.snapshots import differences, history_at, present
from access_history.tests.support.moving_clock import MovingClock
from access_history.tests.test_random_operations import Offline, table_at
from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import change_grant, grant_role, revoke_role
from accounts.models import RoleGrant
from accounts.roles.services import create_role, delete_role
from accounts.users.bulk import remove_role
from accounts.users.services import delete_user, lock_user, unlock_user, update_user
from audit.capture import settlement
from audit.sealing.sealer import Sealer
from audit.tests.support.sealed_log import complete
from reprotech.testing.cast import make_user

HOUR = timedelta(hours=1)


def put_off(given):
    grant = RoleGrant.objects.get(user=given["user_id"], role__slug="researcher")
    change_grant(**given, grant_id=grant.pk, starts_at=timezone.now() + HOUR / 2)


CHANGES = {
    "taken": lambda given: revoke_role(**given, role="researcher"),
    "set": lambda given: update_user(**given, roles=["viewer"]),
    "bulk": lambda given: remove_role(actor=SYSTEM, user_ids=[given["user_id"]], role="researcher"),
    "put off": put_off,
    "limited": lambda given: grant_role(**given, role="manager", ends_at=timezone.now() + HOUR / 2),
    "locked": lambda given: (lock_user(**given), unlock_user(**given)),
    "deleted": lambda given: delete_user(**given),
}


@pytest.mark.only_on("sqlite")  # as replay is the same on both
def test_what_a_clock_behind_says_of_a_role_given_by_a_clock_ahead_is_followed(cast, db, monkeypatch):
    monkeypatch.setattr(settlement, "MAX_TIME_DIFFERENCE", timedelta(days=36_500))
    clock = MovingClock(monkeypatch, timezone.now())
    role = create_role(actor=SYSTEM, name="Short", permissions=["sample_read"])
    people = {name: make_user(name.replace(" ", "-"), "viewer", "Short") for name in CHANGES}
    for user in people.values():
        grant_role(actor=SYSTEM, user_id=user.pk, role="researcher")
    clock.now -= HOUR
    for name, change in CHANGES.items():
        change({"actor": SYSTEM, "user_id": people[name].pk})
    delete_role(actor=SYSTEM, role_id=role.pk, reassign_to="lab_technician")
    clock.move(2 * HOUR)
    Sealer().seal()
    catch_up(None)
    moment, users, _ = present()
    known, wanted = (
        {pk: found[pk] for pk in found if pk in {user.pk for user in people.values()}}
        for found in (history_at(moment)[0], users)
    )
    assert differences(known, wanted) == ({}, {})
    assert Offline([complete()]).table_at(moment) == table_at(moment)
