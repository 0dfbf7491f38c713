"""Decisions about items: what they record, what they carry out, and what is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access_periods.services import grant_role, revoke_role
from accounts.api_keys.services import create_key
from accounts.models import Role, RoleGrant, User
from accounts.roles.services import create_role, delete_role, update_role
from accounts.users.services import lock_user, update_user
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, ValidationFailed
from reprotech.testing.cast import at_once, audit_rows, make_user
from reviews.decisions.closing import close_review
from reviews.decisions.services import Choice, carry_out_removal, decide_item, decide_items, keep_unchanged
from reviews.exceptions import AccessOfWhoLetIn, DecidedMeanwhile, DecidedSince, NotReviewer, OwnAccess, ReviewClosed
from reviews.models import Review, ReviewItem
from reviews.subjects.context import add_context
from reviews.tests.support.campaigns import item_about, make_review

pytestmark = pytest.mark.django_db


def decide(actor, item, decision, reason="", **more):
    return decide_item(actor=actor, review_id=item.review_id, item_id=item.pk, decision=decision, reason=reason, **more)


def roles_of(person):
    return set(User.objects.get(pk=person.pk).grants.role_names)


def test_a_decision_is_stored_with_who_and_when_and_leaves_one_event(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    with audit_rows() as rows:
        decide(cast.manager, item, "keep")
    item.refresh_from_db()
    assert (item.decision, item.decided_by, item.outcome) == ("keep", cast.manager, "")
    [row] = rows
    assert (row.action, row.resource, row.resource_id) == ("review_decide", "review", str(item.review_id))
    assert row.details["about"] == {"kind": "grant", "user_id": cast.viewer.pk, "role": "Viewer"}
    assert cast.viewer.username not in str(row.details)  # it may be erased


def test_the_same_decision_again_changes_nothing(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    decide(cast.manager, item, "keep")
    with audit_rows() as rows:
        decide(cast.manager, item, "keep")
    assert rows == []


def test_a_removal_is_carried_out_by_the_ordinary_service_in_the_reviewers_name(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    with audit_rows() as rows:
        decide(cast.admin, item, "remove", "Left the laboratory")
    assert roles_of(cast.viewer) == set()
    assert [(row.action, row.username) for row in rows] == [
        ("role_revoke", "the-admin"),
        ("review_decide", "the-admin"),
    ]
    assert rows[1].details["reason_given"] == "Left the laboratory"
    item.refresh_from_db()
    assert (item.outcome, item.done_by) == ("done", cast.admin)


def test_what_the_reviewer_may_not_remove_waits_for_someone_who_may(cast):
    review = make_review(cast)
    item = item_about(review, cast.viewer, "Viewer")
    decide(cast.manager, item, "remove", "Left")  # a Manager has no user_update
    item = ReviewItem.objects.with_subjects().get(pk=item.pk)
    assert (item.outcome, roles_of(cast.viewer)) == ("pending", {"Viewer"})
    add_context([item])
    assert set(item.who_can) == {"the-admin", "the-super_admin"}
    with pytest.raises(Conflict):
        carry_out_removal(actor=cast.manager, review_id=review.pk, item_id=item.pk)
    carry_out_removal(actor=cast.admin, review_id=review.pk, item_id=item.pk)
    assert roles_of(cast.viewer) == set()
    with pytest.raises(Conflict, match="nothing left"):
        carry_out_removal(actor=cast.admin, review_id=review.pk, item_id=item.pk)


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_removal_needs_a_reason(cast, reason):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    with pytest.raises(ValidationFailed) as refusal:
        decide(cast.admin, item, "remove", reason)
    assert refusal.value.errors == {"reason": ["Say why this access is removed."]}


@pytest.mark.parametrize(
    ("decision", "reason"), [("delete", "x"), ("", "x"), ("remove", "x" * 501), ("change", ""), ("keep", "a\x00b")]
)
def test_wrong_words_are_refused(cast, decision, reason):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    with pytest.raises(ValidationFailed):
        decide(cast.admin, item, decision, reason)
    assert not ReviewItem.objects.exclude(decision="").exists()


def test_nobody_reviews_themselves_and_another_reviewer_can(cast):
    review = make_review(cast)
    own = item_about(review, cast.manager, "Manager")
    with pytest.raises(OwnAccess):
        decide(cast.manager, own, "keep")
    outcomes = decide_items(actor=cast.manager, review_id=review.pk, choices={own.pk: Choice("keep")})
    assert isinstance(outcomes.refused[own.pk], OwnAccess)
    decide(cast.admin, own, "keep")


def test_nobody_reviews_themselves_through_an_account_that_they_were_let_into(cast):
    """Who chose the reviewer's password or address may be the one who reviews; a mailed link makes it theirs alone."""
    review = make_review(cast)
    item = item_about(review, cast.viewer, "Viewer")
    for field in ("password_set_by", "email_set_by"):
        with explicitly_recorded():
            User.objects.filter(pk=cast.manager.pk).update(**{field: cast.viewer})
        reviewer = User.objects.get(pk=cast.manager.pk)
        with pytest.raises(AccessOfWhoLetIn, match="another reviewer has to decide it"):
            decide(reviewer, item, "keep")
        assert item not in review.items.decidable_by(reviewer)
        with explicitly_recorded():
            User.objects.filter(pk=cast.manager.pk).update(**{field: None})
    decide(User.objects.get(pk=cast.manager.pk), item, "keep")


def test_only_reviewers_decide_whatever_they_hold(cast):
    item = item_about(make_review(cast, reviewers=["the-manager"]), cast.viewer, "Viewer")
    with pytest.raises(NotReviewer):
        decide(cast.super_admin, item, "keep")
    with pytest.raises(Forbidden):
        decide(cast.viewer, item, "keep")


def test_a_reviewer_who_loses_the_right_or_the_account_decides_no_more(cast):
    review = make_review(cast, reviewers=[], reviewer_role="Manager")
    item = item_about(review, cast.viewer, "Viewer")
    update_user(actor=cast.super_admin, user_id=cast.manager.pk, roles=["Administrator"])
    with pytest.raises(NotReviewer):  # the role that made them a reviewer
        decide(cast.manager, item, "keep")
    update_user(actor=cast.super_admin, user_id=cast.manager.pk, roles=["Viewer"])
    with pytest.raises(Forbidden):
        decide(cast.manager, item, "keep")
    update_user(actor=cast.super_admin, user_id=cast.manager.pk, roles=["Manager"])
    lock_user(actor=cast.super_admin, user_id=cast.manager.pk)
    with pytest.raises((Forbidden, NotReviewer)):
        decide(cast.manager, item, "keep")


def test_another_reviewers_decision_stands_until_it_was_looked_at(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    version = item.version
    decide(cast.manager, item, "keep", expected_versions=[version])
    with pytest.raises(DecidedMeanwhile, match="the-manager kept this at"):
        decide(cast.admin, item, "change", "Needs less")
    with pytest.raises(DecidedSince, match="the-manager kept this at"):
        decide(cast.admin, item, "change", "Needs less", expected_versions=[version])
    item.refresh_from_db()
    decide(cast.admin, item, "change", "Needs less", expected_versions=[item.version])
    item.refresh_from_db()
    assert (item.decision, item.decided_by) == ("change", cast.admin)


def test_what_was_carried_out_is_decided_for_good(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    decide(cast.admin, item, "remove", "Left")
    with pytest.raises(DecidedMeanwhile, match="carried out"):
        decide(cast.admin, item, "keep")


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_the_second_learns_who_was_first(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    outcomes = at_once(lambda: decide(cast.manager, item, "keep"), lambda: decide(cast.admin, item, "remove", "Left"))
    assert sum(isinstance(outcome, ReviewItem) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, DecidedMeanwhile) for outcome in outcomes) == 1
    assert roles_of(cast.viewer) == ({"Viewer"} if isinstance(outcomes[0], ReviewItem) else set())


def test_nothing_is_decided_after_closing(cast):
    review = make_review(cast)
    close_review(actor=cast.super_admin, review_id=review.pk)
    item = item_about(review, cast.viewer, "Viewer")
    with pytest.raises(ReviewClosed):
        decide(cast.manager, item, "keep")
    with pytest.raises(ReviewClosed):
        keep_unchanged(actor=cast.manager, review_id=review.pk)
    with pytest.raises(ReviewClosed):
        close_review(actor=cast.super_admin, review_id=review.pk)


def test_a_role_that_is_renamed_changed_or_deleted_meanwhile_shows_beside_the_item(cast):
    role = create_role(actor=cast.super_admin, name="Guest", permissions=["animal_read"])
    guest = make_user("guest", "Guest")
    review = make_review(cast, roles=["Guest"])
    items = {item.kind: item for item in review.items.with_subjects()}
    update_role(actor=cast.super_admin, role_id=role.pk, name="Visitor", permissions=["animal_read", "user_read"])
    add_context(list(items.values()))
    assert items["grant"].changed_meanwhile["role"] == ["Guest", "Visitor"]
    assert items["role"].changed_meanwhile["permissions"] == [["animal_read"], ["animal_read", "user_read"]]
    update_user(actor=cast.super_admin, user_id=guest.pk, roles=[])
    delete_role(actor=cast.super_admin, role_id=role.pk)
    fresh = list(review.items.with_subjects())
    add_context(fresh)
    assert [item.changed_meanwhile for item in fresh] == [None, None]
    for item in fresh:  # what is gone already is done
        assert decide(cast.admin, item, "remove", "No longer used").outcome == "done"
    assert Review.objects.get().scope == {"roles": []}


@pytest.mark.parametrize("kind", ["users", "keys", "applications"])
def test_every_kind_of_access_can_be_removed(cast, kind):
    from sso.tests.support.sign_ins import make_application

    robot = make_user("robot", "Viewer", is_service=True, password=None)
    create_key(actor=cast.super_admin, user_id=robot.pk, name="k", scopes=[], expires_in_days=30)
    application = make_application()
    review = make_review(cast, scope_kind=kind, reviewers=["the-super_admin"])
    [item] = review.items.filter(application=application) if kind == "applications" else review.items.filter(user=robot)
    assert decide(cast.super_admin, item, "remove", "Not needed").outcome == "done"
    robot.refresh_from_db()
    application.refresh_from_db()
    assert robot.is_active is (kind != "users")
    assert robot.api_keys.unrevoked().exists() is (kind != "keys")
    assert application.is_active is (kind != "applications")


def test_the_last_super_administrator_is_not_reviewed_away(cast):
    make_user("second", "Super Administrator")
    review = make_review(cast, roles=["Super Administrator"], reviewers=["second"])
    item = item_about(review, cast.super_admin, "Super Administrator")
    second = User.objects.get(username="second")
    assert decide(second, item, "remove", "Left").outcome == "done"
    role_item = review.items.get(kind="role")
    with pytest.raises(Conflict, match="System roles can't be deleted"):
        decide(second, role_item, "remove", "Not needed")
    assert ReviewItem.objects.get(pk=role_item.pk).decision == ""


def test_what_is_unchanged_since_the_last_review_is_kept_at_once_and_each_is_on_record(cast):
    first = make_review(cast)
    choices = {item.pk: Choice("keep") for item in first.items.all()}
    decide_items(actor=cast.admin, review_id=first.pk, choices=choices)
    close_review(actor=cast.super_admin, review_id=first.pk)
    update_user(actor=cast.super_admin, user_id=cast.viewer.pk, is_active=False)
    second = make_review(cast)
    changed = item_about(second, cast.viewer, "Viewer")
    assert changed.changes == {"status": ["active", "inactive"]}
    assert changed.last_review_id == first.pk
    with audit_rows() as rows:
        kept = keep_unchanged(actor=cast.manager, review_id=second.pk)
    # Two roles and the Viewer changed or not: what is about the manager waits for another reviewer.
    assert kept == second.items.count() - 2
    assert [row.action for row in rows] == ["review_decide"] * kept
    assert set(second.items.undecided()) == {changed, item_about(second, cast.manager, "Manager")}


def test_unanswered_items_are_removed_once_when_closing(cast):
    review = make_review(cast, if_unanswered="remove", roles=["Viewer"])
    with audit_rows() as rows:
        close_review(actor=cast.super_admin, review_id=review.pk)
    assert roles_of(cast.viewer) == set()
    assert [row.action for row in rows] == ["review_close", "role_revoke", "review_decide"]
    assert rows[0].details["decisions"] == {"keep": 0, "change": 0, "remove": 0, "unanswered": 2}
    assert Role.objects.filter(name="Viewer").exists()  # a role itself is nobody's access


def test_unanswered_items_never_use_more_rights_than_who_closes_has(cast):
    make_user("reviewing", "Manager")
    role = create_role(actor=cast.super_admin, name="Reviews", permissions=["role_update", "user_read"])
    closer = make_user("closer", role.name)
    review = make_review(cast, if_unanswered="lock", roles=["Viewer"], reviewers=["reviewing"])
    close_review(actor=closer, review_id=review.pk)
    item = item_about(review, cast.viewer, "Viewer")
    assert (item.action, item.outcome) == ("lock", "pending")
    assert item.outcome_note == "The right user_update was missing."
    assert not User.objects.get(pk=cast.viewer.pk).is_locked


def test_what_begins_again_later_is_removed_and_not_taken_for_gone(cast):
    item = item_about(make_review(cast), cast.viewer, "Viewer")
    revoke_role(actor=cast.admin, user_id=cast.viewer.pk, role="viewer")
    next_week = timezone.now() + timedelta(days=7)
    grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="viewer", starts_at=next_week)
    decide(cast.admin, item, "remove", "Left the laboratory")
    item.refresh_from_db()
    assert (item.outcome, item.outcome_note) == ("done", "")
    assert not RoleGrant.objects.filter(user=cast.viewer).exists()


def test_of_a_foreign_review_an_item_is_unknown(cast):
    review, other = make_review(cast), make_review(cast)
    with pytest.raises(NotFound):
        decide_item(actor=cast.manager, review_id=review.pk, item_id=other.items.first().pk, decision="keep")
    with pytest.raises(NotFound):
        decide_item(actor=cast.manager, review_id=2**62, item_id=1, decision="keep")
