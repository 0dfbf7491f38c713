"""HR's file of every month: it brings those who are there up to date, and creates those who are new."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Exclusion, ImportedPerson, Permission, Role, RoleGrant, User
from accounts.onboarding.services import compare_people, update_people
from accounts.periods.grants import iso_time
from accounts.users.csv.export import EXPORT_COLUMNS, user_cells
from accounts.users.csv.parser import parse_users
from accounts.users.erasure import erase_personal_data
from accounts.users.services import delete_user, lock_user, update_user
from reprotech.core.exceptions import Forbidden, ValidationFailed
from reprotech.testing.cast import audit_rows, make_user

HEADER = "username,email,first_name,last_name,roles,starts_at,ends_at,is_active"


def rows_of(*lines, header=HEADER):
    return parse_users("\n".join([header, *lines])).users


def bring_up_to_date(actor, *lines, header=HEADER, **options):
    return update_people(actor=actor, rows=rows_of(*lines, header=header), **options)


def refused(actor, *lines, header=HEADER, **options):
    """What is wrong; and nothing has happened."""
    before = list(User.objects.order_by("pk").values())
    with pytest.raises(ValidationFailed) as refusal:
        bring_up_to_date(actor, *lines, header=header, **options)
    assert list(User.objects.order_by("pk").values()) == before
    assert not ImportedPerson.objects.exists()
    return refusal.value.errors


def now(user):
    return User.objects.get(pk=user.pk)


@pytest.fixture
def hr(cast, make_role):
    """Who looks after people, and may give two roles without holding what they give."""
    role = make_role("HR", "user_create", "user_read", "user_update", "role_read")
    role.may_grant.set(Role.objects.filter(slug__in=["researcher", "lab_technician"]))
    return make_user("the-hr", "HR")


def test_people_are_changed_and_created_each_with_an_event_and_one_for_the_file(cast, origin):
    lines = (
        "the-viewer,the-viewer@lab.example,Vera,Vogel,,,,",
        "newcomer,newcomer@lab.example,New,Comer,Viewer,,,",
        "the-researcher,the-researcher@lab.example,,,,,,",
    )
    with audit_rows() as rows:
        found = bring_up_to_date(cast.admin, *lines)
    assert (len(found.people.created), len(found.people.changed), found.people.unchanged_count) == (1, 1, 1)
    assert (now(cast.viewer).full_name, now(cast.researcher).full_name) == ("Vera Vogel", "the-researcher")
    assert [(row.action, row.resource_name) for row in rows] == [
        ("create", "newcomer"),
        ("update", "the-viewer"),
        ("import", ""),
    ]
    assert rows[1].details["changes"] == {"first_name": ["", "Vera"], "last_name": ["", "Vogel"]}
    assert rows[2].details == {
        "file": "",
        "mode": "update",
        "list": "HR",
        "created": 1,
        "changed": 1,
        "unchanged": 1,
        "ended": 0,
        "columns": {},
    }


def test_the_same_file_again_changes_nothing(cast):
    text = "the-viewer,the-viewer@lab.example,Vera,Vogel,Researcher,,2030-01-31,", "newcomer,new@lab.example,,,,,,"
    bring_up_to_date(cast.admin, *text)
    before = list(User.objects.order_by("pk").values())
    with audit_rows() as rows:
        found = bring_up_to_date(cast.admin, *text)
    assert found.changes_nothing
    assert list(User.objects.order_by("pk").values()) == before
    assert [row.action for row in rows] == ["import"]
    assert ImportedPerson.objects.count() == 2


def test_an_export_that_comes_back_changes_nothing(cast):
    lock_user(actor=cast.super_admin, user_id=cast.researcher.pk)
    update_user(actor=cast.super_admin, user_id=cast.manager.pk, is_active=False)
    ends_at = timezone.now() + timedelta(days=40)
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, ends_at=ends_at)
    User.objects.filter(pk=cast.stranger.pk).update(ends_at=timezone.now() - timedelta(days=3), period_state="ended")
    lines = [",".join(user_cells(user)) for user in User.objects.with_role_names()]
    found = compare_people(actor=cast.super_admin, rows=rows_of(*lines, header=",".join(EXPORT_COLUMNS)))
    assert found.changes_nothing
    assert {user.username for _, user, _ in found.people.notes} == {"the-researcher", "the-manager", "the-stranger"}


def test_an_empty_cell_and_a_column_that_is_not_there_change_nothing(cast):
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, first_name="Vera", is_active=False)
    found = bring_up_to_date(cast.admin, "the-viewer,,,", header="username,email,first_name,roles")
    assert found.changes_nothing
    assert [role.slug for role in now(cast.viewer).roles.all()] == ["viewer"]


def test_a_person_is_found_by_their_address_and_keeps_their_username(cast):
    bring_up_to_date(cast.admin, ",The-Viewer@LAB.example,Vera,,,,,")
    viewer = now(cast.viewer)
    assert (viewer.username, viewer.email, viewer.first_name) == ("the-viewer", "the-viewer@lab.example", "Vera")
    ImportedPerson.objects.all().delete()
    found = refused(cast.admin, "vera,the-viewer@lab.example,,,,,,")
    assert "is the-viewer" in found["line 2"][0]


def test_an_address_changes_for_a_username_unless_it_is_someone_elses(cast):
    bring_up_to_date(cast.admin, "the-viewer,vera@lab.example,,,,,,")
    assert now(cast.viewer).email == "vera@lab.example"
    ImportedPerson.objects.all().delete()
    found = refused(cast.admin, "the-viewer,the-researcher@lab.example,,,,,,")
    assert found == {
        "line 2": [
            "username: It is that of the-viewer, but the e-mail address is that of the-researcher. Correct one of them."
        ]
    }


def test_two_rows_about_one_person_are_refused(cast):
    found = refused(cast.admin, "the-viewer,,Vera,,,,,", ",the-viewer@lab.example,Vero,,,,,")
    assert found == {"line 3": ["username: Line 2 is about the-viewer too. Keep one of them."]}
    found = refused(cast.admin, "new-1,new@lab.example,,,,,,", "new-2,new@lab.example,,,,,,")
    assert found == {"line 3": ["email: Line 2 has it too."]}


def test_roles_become_those_of_the_file_and_what_goes_is_shown_before(cast):
    line = "the-viewer,,,,Researcher,,,"
    [change] = compare_people(actor=cast.admin, rows=rows_of(line)).people.changed
    assert (change.added, change.removed) == (["Researcher"], ["Viewer"])
    assert [role.slug for role in now(cast.viewer).roles.all()] == ["viewer"]
    bring_up_to_date(cast.admin, line)
    assert [role.slug for role in now(cast.viewer).roles.all()] == ["researcher"]


def test_nobody_gets_a_role_that_the_importing_person_may_not_give(cast, hr):
    with audit_rows() as rows:
        found = refused(hr, "the-stranger,,,,Manager,,,", "the-viewer,,,,Researcher,,,", ",n@lab.example,,,King,,,")
    assert found["line 2"][0].startswith("You can't change the-stranger so: it takes ")
    # The Viewer's own role is none that HR gives or takes.
    assert found["line 3"][0].startswith("You can't change the-viewer so: it takes ")
    assert "roles: There is no role 'King'." in found["line 4"]
    assert [row.action for row in rows] == ["access_denied"]
    bring_up_to_date(hr, "the-stranger,,,,Researcher,,,", "newcomer,newcomer@lab.example,,,Researcher,,,")
    for user in (cast.stranger, User.objects.get(username="newcomer")):
        assert [role.slug for role in now(user).roles.all()] == ["researcher"]


@pytest.mark.parametrize("rights", [("user_create", "user_read"), ("user_update", "user_read"), ()])
def test_it_takes_the_rights_to_create_to_read_and_to_change(cast, make_role, rights):
    make_role("Half", *rights)
    half = make_user("the-half", "Half")
    with audit_rows() as rows, pytest.raises(Forbidden):
        bring_up_to_date(half, "the-viewer,,Vera,,,,,")
    with pytest.raises(Forbidden):
        compare_people(actor=half, rows=rows_of("the-viewer,,Vera,,,,,"))
    assert now(cast.viewer).first_name == ""
    assert [row.action for row in rows] == ["access_denied"]


def test_one_wrong_line_leaves_everything_as_it_is(cast):
    over, later, day = "2020-01-31", "2031-03-01", "2031-02-01"
    found = refused(
        cast.admin,
        "the-viewer,,Vera,,,,,",
        f"the-researcher,,,,,{later},{day},",
        f"the-stranger,,,,,,{over},",
        "the-admin,,,,,,,false",
        "the-super_admin,,Sue,,,,,",
        "newcomer,nowhere,,,,,,",
        "the-manager,,Ma\tn,,,,,",
    )
    assert found == {
        "line 3": ["ends_at: The end must be after the start."],
        "line 4": ["ends_at: The end is in the past. Give a later one, or take the access away."],
        "line 5": ["You can't deactivate your own account. Ask another administrator."],
        "line 6": [
            "You can't change the-super_admin so: it takes role_delete, which you don't hold. Leave out the line."
        ],
        "line 7": ["email: Enter a valid e-mail address."],
        "line 8": ["first_name: Leave out control characters and invisible characters."],
    }


def test_first_days_of_those_who_have_begun_and_last_days_of_those_who_left_are_no_changes(cast):
    ended = timezone.now() - timedelta(days=3)
    User.objects.filter(pk=cast.stranger.pk).update(ends_at=ended, period_state="ended")
    found = bring_up_to_date(cast.admin, "the-viewer,,,,,2019-03-01,,", "the-stranger,,,,,2019-03-01,2020-01-31,")
    assert found.changes_nothing
    assert [(line, user.username) for line, user, _ in found.people.notes] == [(3, "the-stranger")]


def test_who_ended_is_opened_again_by_a_later_end_alone(cast):
    ended = timezone.now() - timedelta(days=3)
    User.objects.filter(pk=cast.viewer.pk).update(ends_at=ended, period_state="ended")
    assert bring_up_to_date(cast.admin, "the-viewer,,,,,,,true").changes_nothing
    [change] = bring_up_to_date(cast.admin, "the-viewer,,,,,,2031-01-31,").people.changed
    assert change.described() == {"ends_at": [iso_time(ended), "2031-02-01T00:00:00Z"]}
    assert now(cast.viewer).can_sign_in


def test_a_locked_account_is_changed_and_stays_locked(cast):
    lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    found = bring_up_to_date(cast.admin, "the-viewer,,Vera,,,,,true")
    assert now(cast.viewer).is_locked
    assert now(cast.viewer).first_name == "Vera"
    assert "locked" in found.people.notes[0][2]


def test_a_deleted_and_an_erased_person_are_not_made_again_under_their_names(cast):
    delete_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    erase_personal_data(actor=cast.super_admin, user_id=cast.stranger.pk)
    found = refused(cast.admin, "the-viewer,v@lab.example,,,,,,", "the-stranger,s@lab.example,,,,,,")
    assert found == {f"line {line}": ["username: This username is taken."] for line in (2, 3)}


def test_an_end_comes_before_that_of_a_role(cast):
    later = timezone.now() + timedelta(days=400)
    RoleGrant.objects.filter(user=cast.viewer).update(ends_at=later)
    bring_up_to_date(cast.admin, f"the-viewer,,,,,,{later - timedelta(days=9):%Y-%m-%d},")
    assert now(cast.viewer).ends_at < RoleGrant.objects.get(user=cast.viewer).ends_at


def test_passwords_and_service_accounts_are_left_to_pages(cast):
    make_user("robot", is_service=True, password=None)
    header = "username,email,password"
    found = refused(cast.admin, "the-viewer,,Correct-Horse-7", "robot,,", header=header)
    assert "keep theirs" in found["line 2"][0]
    assert found["line 3"] == ["username: robot is a service account. Leave out the line."]


def test_what_an_exclusion_refuses_is_said_by_line(cast):
    rule = Exclusion.objects.create(name="Two keys", mode="refuse", reason="Test.")
    rule.roles_a.set(Role.objects.filter(slug="researcher"))
    rule.permissions_b.set(Permission.objects.filter(name="lab_test_approve"))
    found = refused(cast.super_admin, "the-manager,,,,Manager;Researcher,,,")
    assert "Two keys" in found["line 2"][0]


def test_a_preview_takes_as_many_queries_for_many_rows_as_for_few(cast, hr):
    people = [make_user(f"person-{n}", "Researcher", password=None) for n in range(40)]
    lines = [f"{user.username},{user.username}@hr.example,Ann,,Laboratory Technician,,2031-01-31," for user in people]
    new = [f"new-{n},new-{n}@lab.example,,,Researcher,,," for n in range(40)]
    counts = []
    for size in (3, 40):
        rows = rows_of(*lines[:size], *new[:size])
        for actor in (cast.super_admin, hr):
            with CaptureQueriesContext(connection) as queries:
                try:
                    compare_people(actor=actor, rows=rows)
                except ValidationFailed:  # HR may not change the names of those who hold more
                    assert actor is hr
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
