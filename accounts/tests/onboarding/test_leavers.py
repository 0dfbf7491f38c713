"""People of earlier files of a list who aren't in this one: shown, and ended if that is chosen."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.core.exceptions import TooManyLeavers
from accounts.models import ImportedPerson, User
from accounts.onboarding.leavers import LeaverOptions, remember_people
from accounts.onboarding.services import compare_people, update_people
from accounts.periods.validation import end_of_day, lab_day
from accounts.users.csv.parser import parse_users
from accounts.users.services import update_user
from reprotech.core.exceptions import Forbidden, ValidationFailed
from reprotech.testing.cast import at_once, audit_rows, make_user

STAYING = ["the-viewer", "the-researcher"]


def file_of(usernames):
    return parse_users("\n".join(["username,email", *(f"{name},{name}@lab.example" for name in usernames)])).users


def bring_up_to_date(actor, usernames, source="HR", **chosen):
    return update_people(actor=actor, rows=file_of(usernames), source=source, leavers=LeaverOptions(**chosen))


def compare(actor, usernames, source="HR", **chosen):
    return compare_people(actor=actor, rows=file_of(usernames), source=source, leavers=LeaverOptions(**chosen)).leavers


def now(user):
    return User.objects.get(pk=user.pk)


@pytest.fixture
def listed(cast):
    """Everybody but the administrators stood in HR's last file."""
    people = [cast.viewer, cast.researcher, cast.manager, cast.veterinarian, cast.lab_technician]
    remember_people("HR", [user.pk for user in people])
    return people


def test_only_people_of_earlier_files_of_the_same_list_are_leavers(cast, listed):
    assert [leaver.user for leaver in compare(cast.super_admin, STAYING).found] == listed[2:]
    assert compare(cast.super_admin, STAYING, source="Guests").found == []
    # From this import on, the viewer is one of the guests too.
    bring_up_to_date(cast.super_admin, ["the-viewer"], source="Guests")
    assert compare(cast.super_admin, ["the-stranger"], source="Guests").chosen == [cast.viewer]


def test_those_who_left_get_an_end_and_are_not_deleted(cast, listed, origin):
    with audit_rows() as rows:
        found = bring_up_to_date(cast.super_admin, STAYING, confirmed=3)
    tonight = end_of_day(lab_day(timezone.now()))
    assert {now(user).ends_at for user in listed[2:]} == {tonight}
    assert {now(user).ends_at for user in listed[:2]} == {None}
    assert [(row.action, row.resource_name) for row in rows] == [
        *(("update", user.username) for user in listed[2:]),
        ("import", ""),
    ]
    assert rows[-1].details["ended"] == len(found.ending) == 3
    # Who ends already is no leaver in the next file.
    with audit_rows() as rows:
        assert bring_up_to_date(cast.super_admin, STAYING).changes_nothing
    assert [row.action for row in rows] == ["import"]


def test_more_than_a_tenth_takes_the_number(cast, listed):
    for confirmed in (None, 2, 30):
        with audit_rows() as rows, pytest.raises(TooManyLeavers) as refusal:
            bring_up_to_date(cast.super_admin, [*STAYING, "newcomer"], confirmed=confirmed)
        assert refusal.value.fields == {"leavers": 3, "people": 5}
        assert rows == []
        assert not User.objects.filter(username="newcomer").exists()
        assert now(cast.manager).ends_at is None
    assert "3 of the 5 people of HR would end" in refusal.value.message
    more = [make_user(f"person-{n}", password=None) for n in range(5)]
    remember_people("HR", [user.pk for user in more])
    present = [user.username for user in (*listed, *more)]
    bring_up_to_date(cast.super_admin, present[1:])  # one of ten
    assert now(cast.viewer).ends_at


def test_who_is_kept_or_not_ticked_stays(cast, listed):
    bring_up_to_date(cast.super_admin, STAYING, keep=frozenset({"the-manager"}), confirmed=2)
    assert [bool(now(user).ends_at) for user in listed] == [False, False, False, True, True]
    bring_up_to_date(cast.super_admin, STAYING, ticked=frozenset(), confirmed=None)
    assert now(cast.manager).ends_at is None
    with pytest.raises(ValidationFailed) as refusal:
        bring_up_to_date(cast.super_admin, STAYING, keep=frozenset({"the-manger"}), confirmed=1)
    assert refusal.value.errors == {"keep": ["'the-manger' isn't among those who left. Check the name."]}


def test_the_last_day_may_be_later_and_not_over(cast, listed):
    day = lab_day(timezone.now())
    bring_up_to_date(cast.super_admin, STAYING, last_day=day + timedelta(days=9), confirmed=3)
    assert now(cast.manager).ends_at == end_of_day(day + timedelta(days=9))
    assert now(cast.manager).can_sign_in
    with pytest.raises(ValidationFailed):
        compare(cast.super_admin, STAYING, last_day=day - timedelta(days=1))
    # An earlier day than planned takes it forward.
    assert len(compare(cast.super_admin, STAYING).chosen) == 3


def test_nobody_ends_themselves_the_last_super_administrator_or_a_service_account(cast, make_role):
    robot = make_user("robot", is_service=True, password=None)
    remember_people("HR", [cast.super_admin.pk, cast.admin.pk, robot.pk])
    found = compare(cast.super_admin, ["the-viewer"])
    assert [(leaver.user, bool(leaver.refusal)) for leaver in found.found] == [
        (cast.super_admin, True),
        (cast.admin, False),
    ]
    assert found.scope_count == 2
    other = make_user("other", "Super Administrator")
    remember_people("HR", [other.pk])
    update_user(actor=cast.super_admin, user_id=other.pk, ends_at=timezone.now() + timedelta(days=9))
    # Who may not change a Super Administrator may not let one end.
    refusals = {leaver.user.username: leaver.refusal for leaver in compare(cast.admin, ["the-viewer"]).found}
    assert refusals["the-admin"] == "This is your own account."
    assert "role_delete" in refusals["the-super_admin"]
    assert "role_delete" in refusals["other"]


def test_of_two_super_administrators_one_stays(cast):
    third = make_user("third", "Super Administrator")
    remember_people("HR", [cast.super_admin.pk, third.pk])
    found = compare(SYSTEM, ["the-viewer"])
    assert [bool(leaver.refusal) for leaver in found.found] == [False, True]
    bring_up_to_date(SYSTEM, ["the-viewer"], confirmed=1)
    assert now(third).ends_at is None


def test_to_let_people_end_takes_no_right_that_they_hold(cast, make_role, listed):
    make_role("People Officer", "user_create", "user_read", "user_update")
    officer = make_user("the-officer", "People Officer")
    assert compare(officer, STAYING).chosen == listed[2:]
    update_user(actor=officer, user_id=cast.manager.pk, ends_at=timezone.now() + timedelta(days=9))
    assert now(cast.manager).ends_at
    for later in (timezone.now() + timedelta(days=99), None):
        with pytest.raises(Forbidden):
            update_user(actor=officer, user_id=cast.manager.pk, ends_at=later)
    with pytest.raises(Forbidden):
        update_user(actor=officer, user_id=cast.super_admin.pk, ends_at=timezone.now() + timedelta(days=9))
    User.objects.filter(pk=cast.manager.pk).update(period_state="ended")
    with pytest.raises(Forbidden):  # it would be open again until then
        update_user(actor=officer, user_id=cast.manager.pk, ends_at=timezone.now() + timedelta(days=1))


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_at_once_the_second_finds_nothing_to_do(cast):
    def run():
        return update_people(actor=cast.super_admin, rows=file_of(["the-viewer", "newcomer"]))

    first, second = at_once(run, run)
    assert sorted(len(found.people.created) for found in (first, second)) == [0, 1]
    assert User.objects.filter(username="newcomer").count() == 1
    assert ImportedPerson.objects.count() == 2
