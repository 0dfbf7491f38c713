"""Every way to give people rights keeps to the exclusions, now and for later, and taking rights away always goes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods import services as period_services
from accounts.core.exceptions import Segregation
from accounts.exclusions import services as exclusion_services
from accounts.models import Role, RoleGrant, User
from accounts.roles import services as role_services
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv.import_users import ImportRow, import_users
from reprotech.core.change_warnings import collected_warnings
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.testing.cast import audit_rows, make_user

DAY = timedelta(days=1)


def roles_of(user):
    return sorted(User.objects.get(pk=user.pk).roles.values_list("slug", flat=True))


def give(user, *roles, actor=SYSTEM):
    return user_services.update_user(actor=actor, user_id=user.pk, roles=[*roles_of(user), *roles])


def give_for(user, role, starts_in=None, ends_in=None, actor=SYSTEM):
    now = timezone.now()
    starts_at, ends_at = (None if part is None else now + part for part in (starts_in, ends_in))
    return period_services.grant_role(actor=actor, user_id=user.pk, role=role, starts_at=starts_at, ends_at=ends_at)


def refusal_of(call):
    with audit_rows() as rows, pytest.raises(Segregation) as refused:
        call()
    assert rows == []
    return refused.value


# One person's roles


def test_nobody_is_created_with_both(cast, exclude):
    exclude()
    refused = refusal_of(lambda: make_user("both", "Researcher", "Manager"))
    assert refused.message == (
        "both would hold lab_test_create and lab_test_update together with lab_test_approve, which the exclusion "
        "“Tests” refuses."
    )
    assert not User.objects.filter(username="both").exists()


def test_a_change_that_makes_someone_hold_both_names_what_comes_along_and_what_is_held(cast, exclude):
    exclude()
    refused = refusal_of(lambda: give(cast.researcher, "manager", actor=cast.super_admin))
    assert refused.fields == {
        "conflicts": [
            {
                "exclusion": "Tests",
                "user": "the-researcher",
                "held": ["lab_test_create", "lab_test_update"],
                "added": ["lab_test_approve"],
            }
        ],
        "total": 1,
    }
    assert roles_of(cast.researcher) == ["researcher"]


def test_one_role_that_gives_both_is_as_bad_as_two(cast, exclude):
    exclude()
    assert refusal_of(lambda: give(cast.viewer, "admin")).total == 1


def test_to_swap_one_side_for_the_other_is_no_conflict(cast, exclude):
    exclude()
    user_services.update_user(actor=SYSTEM, user_id=cast.researcher.pk, roles=["manager"])
    assert roles_of(cast.researcher) == ["manager"]


def test_what_is_broken_already_blocks_nothing_but_what_adds_to_it(cast, exclude, make_role):
    approver = make_role("Approver", "lab_test_approve")
    writer = make_role("Writer", "lab_test_create")
    make_role("Editor", "lab_test_update")
    make_role("Second writer", "lab_test_create")
    both = make_user("both", approver.name, writer.name)
    exclude()
    user_services.update_user(actor=SYSTEM, user_id=both.pk, first_name="Bo", roles=roles_of(both))
    give(both, "viewer")
    give(both, "second_writer")
    assert refusal_of(lambda: give(both, "editor")).fields["conflicts"][0]["added"] == ["lab_test_update"]
    user_services.update_user(actor=SYSTEM, user_id=both.pk, roles=["approver", "viewer"])
    user_services.update_user(actor=SYSTEM, user_id=both.pk, roles=[])


def test_sets_of_roles_are_kept_apart_too_even_super_administrator(cast, exclude):
    exclude("super_admin", "viewer")
    refusal_of(lambda: give(cast.super_admin, "viewer"))
    refusal_of(lambda: give(cast.viewer, "super_admin"))


def test_the_permissions_of_super_administrator_count_for_no_exclusion(cast, exclude):
    exclude()
    give(cast.researcher, "super_admin")
    give(cast.super_admin, "researcher")
    refusal_of(lambda: give(cast.super_admin, "manager"))


def test_locked_and_inactive_accounts_and_programs_count(cast, exclude):
    exclude()
    user_services.lock_user(actor=SYSTEM, user_id=cast.researcher.pk)
    refusal_of(lambda: give(cast.researcher, "manager"))
    robot = make_user("robot", "Researcher", password=None, is_service=True)
    refusal_of(lambda: give(robot, "manager"))


# Time


@pytest.mark.parametrize(
    ("held", "given", "is_refused"),
    [
        ((None, DAY), (DAY, None), False),  # the end doesn't belong to it
        ((None, DAY), (DAY - timedelta(microseconds=1), None), True),
        ((2 * DAY, 3 * DAY), (None, 2 * DAY), False),
        ((2 * DAY, 3 * DAY), (None, None), True),
        ((2 * DAY, None), (4 * DAY, 5 * DAY), True),
    ],
)
def test_grants_of_another_time_count_where_they_overlap(cast, exclude, held, given, is_refused, monkeypatch):
    exclude()
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    give_for(cast.stranger, "researcher", *held)
    if is_refused:
        refusal_of(lambda: give_for(cast.stranger, "manager", *given))
    else:
        give_for(cast.stranger, "manager", *given)


def test_a_longer_grant_is_compared_like_a_new_one(cast, exclude):
    exclude()
    grant = give_for(cast.stranger, "researcher", ends_in=DAY)
    give_for(cast.stranger, "manager", starts_in=2 * DAY)

    def change(ends_at):
        return period_services.change_grant(actor=SYSTEM, user_id=cast.stranger.pk, grant_id=grant.pk, ends_at=ends_at)

    refusal_of(lambda: change(None))
    assert RoleGrant.objects.get(pk=grant.pk).ends_at == grant.ends_at
    change(timezone.now() + DAY / 2)


# Exceptions


def test_an_exception_allows_both_until_it_ends_and_no_longer(cast, exclude, allow):
    exception = allow(exclude(), cast.researcher)
    refused = refusal_of(lambda: give(cast.researcher, "manager"))
    end = f"{exception.ends_at:%Y-%m-%d %H:%M} UTC"
    assert refused.message.endswith(f" Their exception ends at {end}: give it until then at most.")
    grant = period_services.grant_role(
        actor=SYSTEM, user_id=cast.researcher.pk, role="manager", ends_at=exception.ends_at
    )
    assert grant.ends_at == exception.ends_at


def test_one_that_waits_or_is_another_persons_allows_nothing(cast, exclude, allow):
    exclusion = exclude()
    allow(exclusion, cast.viewer)
    refusal_of(lambda: give_for(cast.researcher, "manager", ends_in=DAY))


# Warnings


def test_a_warning_lets_the_change_through_and_is_on_record(cast, exclude):
    exclude(mode="warn")
    with audit_rows() as rows, collected_warnings() as warnings:
        give(cast.researcher, "manager")
    assert roles_of(cast.researcher) == ["manager", "researcher"]
    (row,) = rows
    assert (row.action, row.details["exclusions"]) == ("role_assign", ["Tests"])
    assert warnings["Tests"].as_dict() == {
        "message": "the-researcher now holds lab_test_create and lab_test_update together with lab_test_approve, "
        "which the exclusion “Tests” warns of.",
        "conflicts": [
            {
                "exclusion": "Tests",
                "user": "the-researcher",
                "held": ["lab_test_create", "lab_test_update"],
                "added": ["lab_test_approve"],
            }
        ],
        "total": 1,
    }


# Many people


def test_of_many_each_is_judged_by_itself(cast, exclude):
    exclude()
    outcome = bulk.assign_role(
        actor=SYSTEM, user_ids=[cast.researcher.pk, cast.viewer.pk, cast.lab_technician.pk], role="manager"
    )
    assert outcome.done == ["the-viewer"]
    assert list(outcome.refused) == ["the-researcher", "the-lab_technician"]
    assert "“Tests” refuses" in outcome.refused["the-researcher"]


def row(line, *roles):
    fields = {"username": f"new-{line}", "email": f"new-{line}@lab.example", "first_name": "", "last_name": ""}
    return ImportRow(line, {**fields, "is_active": True}, roles)


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_import_names_each_line_and_stores_none(cast, exclude, dry_run):
    exclude()
    rows = [row(2, "viewer"), row(3, "researcher", "manager"), row(4, "admin")]
    with pytest.raises(ValidationFailed) as refused:
        import_users(actor=cast.super_admin, rows=rows, dry_run=dry_run)
    assert list(refused.value.errors) == ["line 3", "line 4"]
    assert refused.value.errors["line 3"][0].startswith("roles: new-3 would hold")
    assert not User.objects.filter(username__startswith="new-").exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_import_that_is_warned_of_says_so_once(cast, exclude, dry_run):
    exclude(mode="warn")
    rows = [row(line, "researcher", "manager") for line in range(2, 14)]
    with collected_warnings() as warnings, audit_rows() as events:
        import_users(actor=cast.super_admin, rows=rows, dry_run=dry_run)
    assert warnings["Tests"].message.startswith("12 people now hold what the exclusion “Tests” keeps apart: new-2, ")
    assert warnings["Tests"].message.endswith("new-11 and 2 more.")
    made = [event for event in events if event.action == "create"]
    assert [event.details["exclusions"] for event in made] == [["Tests"]] * (0 if dry_run else 12)


def test_a_role_that_replaces_a_deleted_one_is_compared_for_each_holder(cast, exclude, make_role):
    old = make_role("Old", "animal_read")
    for user in (cast.researcher, cast.viewer, cast.lab_technician):
        give(user, "old")
    exclude()
    refused = refusal_of(lambda: role_services.delete_role(actor=SYSTEM, role_id=old.pk, reassign_to="manager"))
    assert refused.total == 2
    assert refused.message == (
        "2 people would hold what the exclusion “Tests” keeps apart: the-researcher and the-lab_technician."
    )
    assert Role.objects.filter(pk=old.pk).exists()


def test_a_role_that_an_exclusion_names_is_not_deleted(cast, exclude, make_role):
    old = make_role("Old", "animal_read")
    exclude("old", "viewer")
    with pytest.raises(Conflict, match="names this role"):
        role_services.delete_role(actor=SYSTEM, role_id=old.pk)


# Permissions of a role


def change_role(role, *names, actor=SYSTEM):
    return role_services.update_role(actor=actor, role_id=role.pk, permissions=names)


@pytest.fixture
def plain(make_role):
    """A role that gives nothing that is excluded."""
    return make_role("Plain", "animal_read")


def test_a_role_that_a_hundred_holders_would_break_names_ten_and_the_number(cast, exclude, plain):
    researcher = Role.objects.get(slug="researcher")
    users = User.objects.bulk_create(
        User(username=f"many-{number:03}", email=f"many-{number}@lab.example") for number in range(100)
    )
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role) for user in users for role in (plain, researcher))
    exclude()
    with CaptureQueriesContext(connection) as queries, pytest.raises(Segregation) as refused:
        change_role(plain, "animal_read", "lab_test_approve", actor=cast.super_admin)
    assert len(queries) < 30
    assert (refused.value.total, len(refused.value.fields["conflicts"])) == (100, 10)
    assert refused.value.message.startswith("100 people would hold what the exclusion “Tests” keeps apart: many-000, ")
    assert refused.value.message.endswith("many-009 and 90 more.")
    assert refused.value.fields["conflicts"][0] == {
        "exclusion": "Tests",
        "user": "many-000",
        "held": ["lab_test_create", "lab_test_update"],
        "added": ["lab_test_approve"],
    }
    assert change_role(plain, "animal_read", "sample_read").permission_names == ["animal_read", "sample_read"]


def test_people_are_named_to_those_who_may_read_users(cast, exclude, plain, make_role):
    make_role("Role officer", "role_update", "animal_read", "lab_test_approve")
    officer = make_user("officer", "Role officer")
    give(cast.researcher, "plain")
    exclude()
    refused = refusal_of(lambda: change_role(plain, "animal_read", "lab_test_approve", actor=officer))
    assert "the-researcher" not in refused.message
    assert refused.message.startswith("One person would hold")
    assert refused.fields["conflicts"][0]["user"] is None


def test_a_role_may_give_both_while_nobody_has_it(cast, exclude, plain):
    exclude()
    change_role(plain, "lab_test_create", "lab_test_approve")
    refusal_of(lambda: give(cast.viewer, "plain"))


def test_a_role_that_comes_to_give_both_by_itself_breaks_it_for_each_holder(cast, exclude, plain):
    give(cast.viewer, "plain")
    exclude()
    assert refusal_of(lambda: change_role(plain, "lab_test_create", "lab_test_approve")).total == 1


def test_holders_who_have_the_permission_anyway_are_no_conflict(cast, exclude, plain):
    give(cast.admin, "plain")
    exclude()
    change_role(plain, "lab_test_approve")


def test_holders_of_another_time_count_where_they_overlap(cast, exclude, plain):
    exclude()
    give_for(cast.stranger, "plain", ends_in=DAY)
    give_for(cast.stranger, "researcher", starts_in=DAY * 2)
    change_role(plain, "lab_test_approve")
    change_role(plain, "animal_read")
    give_for(cast.stranger, "plain", starts_in=3 * DAY)
    assert refusal_of(lambda: change_role(plain, "lab_test_approve")).total == 1


def test_an_exception_covers_a_role_while_it_lasts_as_long_as_the_grant(cast, exclude, allow, plain):
    exception = allow(exclude(), cast.researcher)
    grant = period_services.grant_role(
        actor=SYSTEM, user_id=cast.researcher.pk, role="plain", ends_at=exception.ends_at
    )
    change_role(plain, "lab_test_approve")
    change_role(plain, "animal_read")
    period_services.change_grant(
        actor=SYSTEM, user_id=cast.researcher.pk, grant_id=grant.pk, ends_at=exception.ends_at + DAY
    )
    refusal_of(lambda: change_role(plain, "lab_test_approve"))


def test_a_warning_about_a_role_is_on_its_event(cast, exclude, plain):
    give(cast.researcher, "plain")
    exclude(mode="warn")
    with audit_rows() as rows, collected_warnings() as warnings:
        change_role(plain, "lab_test_approve")
    assert rows[0].details["exclusions"] == ["Tests"]
    assert warnings["Tests"].total == 1


def test_several_exclusions_are_all_named(cast, exclude):
    exclude()
    exclude("animal_read", "audit_read", name="Second")
    refused = refusal_of(lambda: give(cast.researcher, "manager"))
    assert [conflict["exclusion"] for conflict in refused.fields["conflicts"]] == ["Second", "Tests"]
    assert refused.message.count("would hold") == 2


def test_a_new_exclusion_leaves_what_people_hold(cast, exclude):
    give(cast.researcher, "manager")
    exclude()
    assert roles_of(cast.researcher) == ["manager", "researcher"]
    exclusion_services.delete_exclusion(actor=SYSTEM, exclusion_id=exclude(name="Other").pk)
