"""Roles given, changed and taken for a period, and periods of accounts: what is refused, and what is on record."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import change_grant, grant_role, revoke_role
from accounts.core.exceptions import OwnGrantEndsEarlier
from accounts.models import RoleGrant, User
from accounts.periods.grants import NewGrant
from accounts.periods.validation import end_of_day, start_of_day
from accounts.roles.services import delete_role
from accounts.users.services import create_user, delete_user, lock_user, update_user
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, ValidationFailed
from reprotech.testing.cast import make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


def period(now, start, end):
    """From so many days from now until so many days from now."""
    starts_at, ends_at = (None if days is None else now + days * DAY for days in (start, end))
    return {"starts_at": starts_at, "ends_at": ends_at}


def grants_of(user):
    rows = RoleGrant.objects.filter(user=user).select_related("role")
    return {(grant.role.name, grant.starts_at, grant.ends_at) for grant in rows}


def latest(user):
    return AuditLog.objects.filter(resource="user", resource_id=str(user.pk)).newest_first().first()


def test_a_grant_is_given_changed_and_taken_and_each_is_on_record(cast, now):
    grant = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=now + DAY, reason="Holidays")
    assert (grant.granted_by, grant.reason, bool(grant.granted_at)) == (cast.admin, "Holidays", True)
    event = latest(cast.viewer)
    assert (event.action, event.changes["roles"]) == ("role_assign", [["Viewer"], ["Manager", "Viewer"]])
    end = (now + DAY).isoformat().replace("+00:00", "Z")
    assert event.details["grants"] == [{"role": "Manager", "starts_at": None, "ends_at": end}]
    later = grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", starts_at=now + 2 * DAY)
    event = latest(cast.viewer)
    assert (event.action, "changes" in event.details, event.details["roles"]) == ("role_assign", False, ["Manager"])
    change_grant(actor=cast.admin, user_id=cast.viewer.pk, grant_id=later.pk, starts_at=now + 3 * DAY)
    assert [side[0]["starts_at"] for side in latest(cast.viewer).changes["role_grants"]] == [
        moment.isoformat().replace("+00:00", "Z") for moment in (now + 2 * DAY, now + 3 * DAY)
    ]
    assert len(revoke_role(actor=cast.admin, user_id=cast.viewer.pk, role="Manager")) == 2
    assert latest(cast.viewer).changes["roles"] == [["Manager", "Viewer"], ["Viewer"]]
    assert grants_of(cast.viewer) == {("Viewer", None, None)}


@pytest.mark.parametrize(
    ("role", "start", "end", "refusal"),
    [
        ("manager", 3, 2, ValidationFailed),
        ("manager", 2, 2, ValidationFailed),
        ("manager", None, -1, ValidationFailed),
        ("manager", None, 400_000, ValidationFailed),
        ("nothing", None, None, ValidationFailed),
        ("viewer", None, None, Conflict),
        ("viewer", 2, 3, Conflict),
        ("researcher", 4, 6, Conflict),
        ("researcher", None, 6, Conflict),
    ],
)
def test_what_is_no_period_or_overlaps_is_refused(cast, now, role, start, end, refusal):
    grant_role(actor=SYSTEM, user_id=cast.viewer.pk, role="researcher", starts_at=now + 5 * DAY, ends_at=now + 7 * DAY)
    before = grants_of(cast.viewer)
    with pytest.raises(refusal) as refused:
        grant_role(actor=cast.super_admin, user_id=cast.viewer.pk, role=role, **period(now, start, end))
    assert refused.value.message
    assert grants_of(cast.viewer) == before


def test_periods_that_meet_do_not_overlap(cast, now):
    for start, end in ((None, 1), (1, 2), (2, None)):
        grant_role(actor=SYSTEM, user_id=cast.stranger.pk, role="viewer", **period(now, start, end))
    assert len(grants_of(cast.stranger)) == 3


def test_a_longest_period_can_be_demanded(cast, now, settings):
    settings.GRANT_MAX_DAYS = 30
    for ends_at in (None, now + 60 * DAY):
        with pytest.raises(ValidationFailed):
            grant_role(actor=cast.super_admin, user_id=cast.viewer.pk, role="manager", ends_at=ends_at)
    with pytest.raises(ValidationFailed):
        update_user(actor=cast.super_admin, user_id=cast.viewer.pk, roles=["Viewer", "Manager"])
    grant_role(actor=cast.super_admin, user_id=cast.viewer.pk, role="manager", ends_at=now + 30 * DAY)


def test_grants_that_follow_each_other_are_no_way_round_the_longest_period(cast, now, settings):
    settings.GRANT_MAX_DAYS = 30
    give = {"user_id": cast.viewer.pk, "role": "manager"}
    grant_role(actor=cast.super_admin, **give, ends_at=now + 20 * DAY)
    # At once, and after an hour in which nobody has it; or both in one list, also for a new account.
    for start in (now + 20 * DAY, now + 20 * DAY + timedelta(hours=1)):
        with pytest.raises(ValidationFailed) as refusal:
            grant_role(actor=cast.super_admin, **give, starts_at=start, ends_at=start + 20 * DAY)
        assert "lasts more than 30 days" in refusal.value.errors["ends_at"][0]
    both = [NewGrant("viewer", None, now + 20 * DAY), NewGrant("viewer", now + 20 * DAY, now + 40 * DAY)]
    with pytest.raises(ValidationFailed):
        update_user(actor=cast.super_admin, user_id=cast.stranger.pk, role_grants=both)
    with pytest.raises(ValidationFailed):
        create_user(actor=cast.super_admin, username="new", email="new@lab.example", role_grants=both)
    # Up to thirty days together, with a day between, and by someone else, who answers for it.
    grant_role(actor=cast.super_admin, **give, starts_at=now + 20 * DAY, ends_at=now + 30 * DAY)
    other = make_user("other-admin", "Super Administrator")
    grant_role(actor=other, **give, starts_at=now + 30 * DAY, ends_at=now + 40 * DAY)
    grant_role(actor=cast.super_admin, **give, starts_at=now + 41 * DAY, ends_at=now + 71 * DAY)


def test_nobody_gives_a_role_for_longer_than_they_have_it(cast, now):
    with explicitly_recorded():
        RoleGrant.objects.filter(user=cast.admin).update(ends_at=now + 5 * DAY)
    give = {"actor": cast.admin, "user_id": cast.viewer.pk, "role": "manager"}
    for ends_at in (None, now + 6 * DAY):
        with pytest.raises(OwnGrantEndsEarlier, match="yours ends on"):
            grant_role(**give, ends_at=ends_at)
    for refused in (
        lambda: update_user(actor=cast.admin, user_id=cast.viewer.pk, roles=["Manager"]),
        lambda: create_user(actor=cast.admin, username="new", email="new@lab.example", roles=["Viewer"]),
    ):
        with pytest.raises(OwnGrantEndsEarlier):
            refused()
    grant = grant_role(**give, ends_at=now + 5 * DAY)
    with pytest.raises(OwnGrantEndsEarlier):
        change_grant(actor=cast.admin, user_id=cast.viewer.pk, grant_id=grant.pk, ends_at=None)
    assert AuditLog.objects.filter(action="access_denied", user_id=cast.admin.pk).count() == 5


def test_nobody_prolongs_an_account_past_their_own_access(cast, now):
    with explicitly_recorded():
        User.objects.filter(pk=cast.admin.pk).update(ends_at=now + 5 * DAY)
    for user in (cast.admin, cast.viewer):
        with explicitly_recorded():
            User.objects.filter(pk=user.pk).update(ends_at=now + 5 * DAY)
        for ends_at in (None, now + 6 * DAY):
            with pytest.raises(OwnGrantEndsEarlier):
                update_user(actor=cast.admin, user_id=user.pk, ends_at=ends_at)
    update_user(actor=cast.admin, user_id=cast.viewer.pk, ends_at=now + 2 * DAY)
    assert latest(cast.viewer).changes["ends_at"][1] == (now + 2 * DAY).isoformat().replace("+00:00", "Z")


def test_what_begins_later_protects_an_account_already(cast, now):
    grant_role(actor=SYSTEM, user_id=cast.viewer.pk, role="super_admin", starts_at=now + DAY)
    with pytest.raises(Forbidden):
        update_user(actor=cast.admin, user_id=cast.viewer.pk, email="mine@lab.example")


def test_the_last_super_administrator_has_no_end(cast, now):
    last = cast.super_admin
    own = RoleGrant.objects.get(user=last)
    helper = make_user("helper", "super_admin")
    [grant] = RoleGrant.objects.filter(user=helper)
    change_grant(actor=SYSTEM, user_id=helper.pk, grant_id=grant.pk, ends_at=now + DAY)
    for refused in (
        lambda: change_grant(actor=SYSTEM, user_id=last.pk, grant_id=own.pk, ends_at=now + DAY),
        lambda: change_grant(actor=SYSTEM, user_id=last.pk, grant_id=own.pk, starts_at=now + DAY),
        lambda: update_user(actor=SYSTEM, user_id=last.pk, ends_at=now + DAY),
        lambda: update_user(actor=SYSTEM, user_id=last.pk, starts_at=now + DAY),
        lambda: update_user(actor=SYSTEM, user_id=last.pk, role_grants=[NewGrant("super_admin", None, now + DAY)]),
        lambda: revoke_role(actor=SYSTEM, user_id=last.pk, role="super_admin"),
        lambda: lock_user(actor=SYSTEM, user_id=last.pk),
        lambda: delete_user(actor=SYSTEM, user_id=last.pk),
    ):
        with pytest.raises(Conflict, match="last active Super Administrator"):
            refused()
    change_grant(actor=SYSTEM, user_id=helper.pk, grant_id=grant.pk, ends_at=None)
    update_user(actor=SYSTEM, user_id=last.pk, ends_at=now + DAY)


def test_a_list_of_grants_replaces_them(cast, now):
    wanted = [NewGrant("Viewer", None, now + DAY), NewGrant("manager", now + DAY, now + 2 * DAY, "Deputy")]
    update_user(actor=cast.admin, user_id=cast.viewer.pk, role_grants=wanted)
    expected = {("Viewer", None, now + DAY), ("Manager", now + DAY, now + 2 * DAY)}
    assert grants_of(cast.viewer) == expected
    events = AuditLog.objects.count()
    update_user(actor=cast.admin, user_id=cast.viewer.pk, role_grants=wanted)
    assert (grants_of(cast.viewer), AuditLog.objects.count()) == (expected, events)
    for bad in ([NewGrant("viewer"), NewGrant("Viewer", now + DAY)], [NewGrant("nothing")]):
        with pytest.raises(ValidationFailed):
            update_user(actor=cast.admin, user_id=cast.viewer.pk, role_grants=bad)
    update_user(actor=cast.admin, user_id=cast.viewer.pk, role_grants=[])
    assert grants_of(cast.viewer) == set()


def test_an_account_is_made_for_a_period(cast, now):
    user = create_user(
        actor=cast.admin,
        username="guest",
        email="guest@lab.example",
        starts_at=now + DAY,
        ends_at=now + 9 * DAY,
        role_grants=[NewGrant("Viewer", None, now + 5 * DAY)],
    )
    assert (user.status, user.can_sign_in) == ("pending", False)
    event = latest(user)
    assert event.changes["starts_at"][1].endswith("Z")
    assert event.details["grants"][0]["role"] == "Viewer"
    for period in ({"ends_at": now - DAY}, {"starts_at": now + DAY, "ends_at": now + DAY}):
        with pytest.raises(ValidationFailed):
            create_user(actor=cast.admin, username="other", email="other@lab.example", **period)


def test_a_deleted_role_hands_its_periods_on(cast, now, make_role):
    role = make_role("Shift", "animal_read")
    for start, end in ((None, 1), (3, 5)):
        grant_role(actor=SYSTEM, user_id=cast.stranger.pk, role="Shift", **period(now, start, end))
    grant_role(actor=SYSTEM, user_id=cast.stranger.pk, role="Viewer", starts_at=now + 4 * DAY, ends_at=now + 8 * DAY)
    delete_role(actor=SYSTEM, role_id=role.pk, reassign_to="Viewer")
    assert grants_of(cast.stranger) == {("Viewer", None, now + DAY), ("Viewer", now + 3 * DAY, now + 8 * DAY)}


def test_unknown_grants_and_roles_that_are_not_held_are_not_found(cast):
    other = RoleGrant.objects.get(user=cast.manager)
    with pytest.raises(NotFound):
        change_grant(actor=cast.super_admin, user_id=cast.viewer.pk, grant_id=other.pk, ends_at=None)
    for role in ("manager", "nothing"):
        with pytest.raises(NotFound):
            revoke_role(actor=cast.super_admin, user_id=cast.viewer.pk, role=role)


def test_a_day_is_a_day_of_the_laboratory(settings):
    settings.LAB_TIME_ZONE = "Europe/Zurich"
    # That day has 25 hours: the clocks go back.
    assert start_of_day(date(2026, 10, 25)).isoformat() == "2026-10-24T22:00:00+00:00"
    assert end_of_day(date(2026, 10, 25)).isoformat() == "2026-10-25T23:00:00+00:00"
