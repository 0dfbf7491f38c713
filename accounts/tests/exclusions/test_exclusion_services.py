"""Exclusions themselves, and exceptions from them: who may, what is refused, what is on record."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role
from accounts.core.exceptions import ApiKeyNotAllowed, ExclusionBindsActor, SecondPersonRequired
from accounts.exclusions import exception_services, services
from accounts.models import Exclusion, ExclusionException, Role, User
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, ValidationFailed
from reprotech.core.principal import Principal
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import NOBODY, audit_rows, make_user

SOON = timedelta(days=7)


def ask(actor, exclusion, user, *, ends_in=SOON, reason="Illness."):
    return exception_services.ask_for_exception(
        actor=actor, exclusion_id=exclusion.pk, user=user.username, reason=reason, ends_at=timezone.now() + ends_in
    )


def approve(actor, exception):
    return exception_services.approve_exception(
        actor=actor, exclusion_id=exception.exclusion_id, exception_id=exception.pk
    )


def state_of(exception):
    return ExclusionException.objects.get(pk=exception.pk).state


# Exclusions


def test_a_new_exclusion_has_what_was_asked_for_and_leaves_one_row(cast, expect_row):
    with audit_rows() as rows:
        made = services.create_exclusion(
            actor=cast.admin, name=" Tests ", set_a=["manager", "lab_test_update"], set_b=["lab_test_approve"]
        )
    assert (made.name, made.mode) == ("Tests", "refuse")
    assert (made.set_a, made.set_b) == (["Manager", "lab_test_update"], ["lab_test_approve"])
    (row,) = rows
    changes = {
        "name": [None, "Tests"],
        "mode": [None, "refuse"],
        "reason": [None, ""],
        "set_a": [[], ["Manager", "lab_test_update"]],
        "set_b": [[], ["lab_test_approve"]],
    }
    expect_row(row, cast.admin, "create", made, resource="exclusion", changes=changes)


@pytest.mark.parametrize(
    ("set_a", "set_b", "field"),
    [
        ([], ["lab_test_approve"], "set_a"),
        (["lab_test_approve"], [], "set_b"),
        (["lab_test_fly"], ["lab_test_approve"], "set_a"),
        (["viewer", "lab_test_read"], ["Viewer"], "set_b"),
    ],
)
def test_sets_that_make_no_sense_are_refused_at_their_field(cast, set_a, set_b, field):
    with audit_rows() as rows, pytest.raises(ValidationFailed) as refusal:
        services.create_exclusion(actor=cast.admin, name="Tests", set_a=set_a, set_b=set_b)
    assert list(refusal.value.errors) == [field]
    assert (rows, Exclusion.objects.count()) == ([], 0)


def test_a_name_that_a_role_and_a_permission_have_is_refused(cast, make_role):
    make_role("lab_test_approve")
    with pytest.raises(ValidationFailed, match="not valid") as refusal:
        services.create_exclusion(actor=cast.admin, name="Tests", set_a=["viewer"], set_b=["lab_test_approve"])
    assert "Rename the role" in refusal.value.errors["set_b"][0]


@pytest.mark.parametrize("name", ["tests", "TESTS", "Tests"])
def test_names_are_unique_whatever_the_case(cast, exclude, name):
    exclude()
    with pytest.raises(Conflict) as refusal:
        exclude(name=name)
    assert list(refusal.value.errors) == ["name"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "Te\u200bsts"])
def test_bad_names_are_refused(cast, exclude, name):
    with pytest.raises(ValidationFailed) as refusal:
        exclude(name=name)
    assert list(refusal.value.errors) == ["name"]


def test_without_role_update_nobody_changes_exclusions(cast, exclude):
    exclusion = exclude()
    calls = [
        lambda: services.create_exclusion(actor=cast.manager, name="X", set_a=["viewer"], set_b=["manager"]),
        lambda: services.update_exclusion(actor=cast.manager, exclusion_id=exclusion.pk, mode="warn"),
        lambda: services.delete_exclusion(actor=cast.manager, exclusion_id=exclusion.pk),
        lambda: ask(cast.manager, exclusion, cast.viewer),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    denied = AuditLog.objects.filter(action="access_denied", resource="exclusion")
    assert [row.resource_name for row in denied.order_by("pk")] == ["X", "Tests", "Tests", "Tests"]
    with pytest.raises(NotFound):
        services.delete_exclusion(actor=cast.admin, exclusion_id=NOBODY)


def test_an_update_records_what_differs_and_nothing_where_nothing_does(cast, exclude, expect_row):
    exclusion = exclude()
    with audit_rows() as rows:
        services.update_exclusion(
            actor=cast.super_admin, exclusion_id=exclusion.pk, name="Tests", set_b=["lab_test_approve"]
        )
        services.update_exclusion(actor=cast.super_admin, exclusion_id=exclusion.pk, mode="warn", set_b=["manager"])
    (row,) = rows
    changes = {"mode": ["refuse", "warn"], "set_b": [["lab_test_approve"], ["Manager"]]}
    expect_row(row, cast.super_admin, "update", exclusion, resource="exclusion", changes=changes)
    assert Exclusion.objects.get().set_b == ["Manager"]


def test_deleting_takes_the_exceptions_along_and_records_the_sets(cast, exclude, allow):
    exclusion = exclude()
    allow(exclusion, cast.viewer)
    with audit_rows() as rows:
        services.delete_exclusion(actor=cast.super_admin, exclusion_id=exclusion.pk)
    assert (Exclusion.objects.count(), ExclusionException.objects.count()) == (0, 0)
    (row,) = rows
    assert row.changes["set_b"] == [["lab_test_approve"], []]
    assert sentence(row) == "the-super_admin deleted the exclusion Tests"


def test_those_whom_an_exclusion_binds_make_it_stricter_and_no_weaker(cast, exclude, make_role):
    """They could take it away, take the other half of what it keeps apart, and bring it back."""
    make_role("Role Keeper", "role_update", "lab_test_create")
    keeper, exclusion = make_user("keeper", "Role Keeper"), exclude()
    weaker = (
        {"mode": "warn"},
        {"set_b": ["lab_test_read"]},
        {"set_a": ["lab_test_create", "lab_test_read"]},
    )
    attempts = [
        lambda c=change: services.update_exclusion(actor=keeper, exclusion_id=exclusion.pk, **c) for change in weaker
    ]
    attempts.append(lambda: services.delete_exclusion(actor=keeper, exclusion_id=exclusion.pk))
    for attempt in attempts:
        with (
            audit_rows() as rows,
            pytest.raises(ExclusionBindsActor, match="binds you: you hold lab_test_create") as refusal,
        ):
            attempt()
        assert (rows, refusal.value.code) == ([], "exclusion_binds")
    services.update_exclusion(actor=keeper, exclusion_id=exclusion.pk, set_b=["lab_test_approve", "report_export"])
    # A role that begins later counts, since it can be waited for. Super Administrators are bound by roles alone.
    other = make_user("other", "Viewer")
    make_role("Plain Keeper", "role_update")
    grant_role(actor=SYSTEM, user_id=other.pk, role="Plain Keeper")
    services.update_exclusion(actor=other, exclusion_id=exclusion.pk, mode="warn")
    services.update_exclusion(actor=other, exclusion_id=exclusion.pk, mode="refuse")
    grant_role(actor=SYSTEM, user_id=other.pk, role="Role Keeper", starts_at=timezone.now() + SOON)
    with pytest.raises(ExclusionBindsActor):
        services.delete_exclusion(actor=other, exclusion_id=exclusion.pk)
    # Nor through an account whose password they chose.
    instrument = make_user("instrument", "Plain Keeper")
    with explicitly_recorded():
        User.objects.filter(pk=instrument.pk).update(password_set_by=keeper)
    with pytest.raises(ExclusionBindsActor):
        services.delete_exclusion(actor=User.objects.get(pk=instrument.pk), exclusion_id=exclusion.pk)
    services.delete_exclusion(actor=cast.super_admin, exclusion_id=exclusion.pk)


def test_changes_beside_the_services_are_recorded_too(cast, exclude):
    exclusion = exclude()
    with audit_rows() as rows:
        exclusion.mode = "warn"
        exclusion.save()
        exclusion.roles_a.add(Role.objects.get(slug="viewer"))
        ExclusionException.objects.create(
            exclusion=exclusion, user=cast.viewer, reason="x", ends_at=timezone.now() + SOON
        )
    assert {(row.resource, row.resource_id, row.action) for row in rows} == {("exclusion", str(exclusion.pk), "update")}
    assert len(rows) == 3


# Exceptions


def test_an_exception_counts_once_a_second_person_approved_it(cast, exclude):
    exclusion = exclude()
    with audit_rows() as rows:
        asked = ask(cast.admin, exclusion, cast.viewer)
        assert state_of(asked) == "asked"
        approve(cast.super_admin, asked)
        approve(cast.super_admin, asked)
    assert state_of(asked) == "approved"
    assert [row.details["exception"]["step"] for row in rows] == ["asked", "approved"]
    assert rows[0].details["exception"]["user_id"] == rows[0].details["owner_id"] == cast.viewer.pk
    assert [sentence(row) for row in rows] == [
        f"the-admin asked for an exception for user {cast.viewer.pk} from the exclusion Tests",
        f"the-super_admin approved an exception for user {cast.viewer.pk} from the exclusion Tests",
    ]


def test_neither_the_asker_nor_the_person_nor_a_program_approves(cast, exclude):
    robot = make_user("robot", "Administrator", password=None, is_service=True)
    other = make_user("other-admin", "Administrator")
    exclusion = exclude()
    asked = ask(cast.admin, exclusion, cast.super_admin)
    for actor in (cast.admin, cast.super_admin, robot, SYSTEM):
        with pytest.raises(SecondPersonRequired):
            approve(actor, asked)
    with request_origin(RequestOrigin()):
        set_principal(Principal(user_id=other.pk, api_key="rpt_1"))
        with pytest.raises(ApiKeyNotAllowed):
            approve(other, asked)
    assert state_of(asked) == "asked"
    with explicitly_recorded(), pytest.raises(IntegrityError), transaction.atomic():
        ExclusionException.objects.filter(pk=asked.pk).update(approved_by=cast.admin)


def test_accounts_that_may_be_of_one_person_approve_nothing_for_each_other(cast, exclude):
    """Whose password or address one of them chose, either way, and two addresses of one mailbox."""
    known, readdressed, maker, twin = (
        make_user(name, "Administrator") for name in ("known", "readdressed", "maker", "twin")
    )
    exclusion = exclude()
    exception = ask(cast.admin, exclusion, cast.viewer)
    with explicitly_recorded():
        User.objects.filter(pk=known.pk).update(password_set_by=cast.viewer)
        User.objects.filter(pk=readdressed.pk).update(email_set_by=cast.admin)
        User.objects.filter(pk=cast.admin.pk).update(password_set_by=maker)
        User.objects.filter(pk=twin.pk).update(email=cast.viewer.email.upper().replace("@", "+2@"))
    for account in (known, readdressed, maker, twin):
        with audit_rows() as rows, pytest.raises(SecondPersonRequired):
            approve(User.objects.get(pk=account.pk), exception)
        assert rows == []
    approve(cast.super_admin, exception)
    assert state_of(exception) == "approved"


@pytest.mark.parametrize(
    ("ends_in", "reason", "field"),
    [
        (timedelta(seconds=-1), "Illness.", "ends_at"),
        (timedelta(days=367), "Illness.", "ends_at"),
        (SOON, "  ", "reason"),
        (SOON, "x" * 501, "reason"),
        (SOON, "Ill\u202eness", "reason"),
    ],
)
def test_bad_exceptions_are_refused_at_their_field(cast, exclude, ends_in, reason, field):
    exclusion = exclude()
    with pytest.raises(ValidationFailed) as refusal:
        ask(cast.admin, exclusion, cast.viewer, ends_in=ends_in, reason=reason)
    assert list(refusal.value.errors) == [field]


def test_one_exception_at_a_time(cast, exclude, allow):
    exclusion = exclude()
    allowed = allow(exclusion, cast.viewer)
    with pytest.raises(Conflict, match="already"):
        ask(cast.admin, exclusion, cast.viewer)
    exception_services.withdraw_exception(actor=cast.admin, exclusion_id=exclusion.pk, exception_id=allowed.pk)
    assert state_of(ask(cast.admin, exclusion, cast.viewer)) == "asked"


def test_an_exception_ends_by_itself_to_the_microsecond(cast, exclude, allow, monkeypatch):
    ends_at = allow(exclude(), cast.viewer).ends_at
    counts = []
    for offset in (-1, 0, 1):
        moment = ends_at + timedelta(microseconds=offset)
        counts.append(ExclusionException.objects.in_force(moment).count())
    assert counts == [1, 0, 0]


def test_one_that_ended_is_not_approved(cast, exclude):
    asked = ask(cast.admin, exclude(), cast.viewer)
    with explicitly_recorded():
        ExclusionException.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="has ended"):
        approve(cast.super_admin, asked)


def test_other_sets_ask_for_new_approvals(cast, exclude, allow):
    exclusion = exclude()
    allowed = allow(exclusion, cast.viewer)
    services.update_exclusion(actor=cast.admin, exclusion_id=exclusion.pk, reason="Another.")
    assert state_of(allowed) == "approved"
    with audit_rows() as rows:
        services.update_exclusion(actor=cast.admin, exclusion_id=exclusion.pk, set_b=["lab_test_approve", "manager"])
    assert state_of(allowed) == "asked"
    assert rows[0].details["exceptions_to_approve"] == 1


def test_nobody_approves_for_a_person_whom_they_may_not_see(cast, exclude, make_role):
    exception = ask(cast.super_admin, exclude(), cast.viewer)
    blind = make_user("blind", make_role("Blind", "role_read", "role_update").slug)
    with pytest.raises(Forbidden):
        approve(blind, exception)
    assert state_of(exception) == "asked"
