"""The pages of reviews: deciding line by line, in groups and without JavaScript, and what is refused."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from accounts.users.erasure import erase_personal_data
from audit.models import AuditLog
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client
from reviews.decisions.closing import close_review
from reviews.decisions.services import Choice, decide_item, decide_items
from reviews.models import Review
from reviews.models.days import today
from reviews.tests.support.campaigns import item_about, make_review

pytestmark = pytest.mark.django_db


def form_of(item, decision, reason="", version=None):
    return {
        f"decision-{item.pk}": decision,
        f"reason-{item.pk}": reason,
        f"version-{item.pk}": item.version if version is None else version,
    }


def decisions_of(review):
    return {item.position: item.decision for item in review.items.exclude(decision="")}


def test_a_review_is_opened_on_its_page(cast):
    due = today() + timedelta(days=14)
    form = {"name": "Q4", "scope_kind": "roles", "roles": ["viewer"], "reviewers": "the-manager, the-admin"}
    form |= {"due": f"{due}", "every_months": "3", "if_unanswered": "keep"}
    response = page_client(cast.super_admin).post("/reviews/new", form)
    review = Review.objects.get()
    assert response["Location"] == f"/reviews/{review.pk}"
    assert (review.name, review.due, review.every_months) == ("Q4", due, 3)
    assert set(review.reviewers.all()) == {cast.manager, cast.admin}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"roles": []}, "Name at least one role."),
        ({"reviewers": ""}, "Name who decides: usernames, or a role."),
        ({"reviewers": "the-viewer"}, "the-viewer lacks user_read, which reviewers need."),
        ({"due": "2020-01-01"}, "This day is over."),
        ({"due": "soon"}, "Enter a valid date."),
        ({"scope_kind": "keys", "if_unanswered": "lock"}, "Only accounts can be locked."),
        ({"scope_kind": "keys"}, "There is nothing to review"),
    ],
)
def test_a_refused_form_says_why_and_keeps_what_was_typed(cast, fields, sentence):
    form = {"name": "Fourth quarter", "scope_kind": "roles", "roles": ["viewer"], "reviewers": "the-admin"}
    form |= {"due": f"{today()}", "every_months": "", "if_unanswered": "keep", **fields}
    response = page_client(cast.super_admin).post("/reviews/new", form)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "Fourth quarter" in response.content.decode()
    assert not Review.objects.exists()


def test_a_page_of_decisions_is_saved_at_once(cast):
    review = make_review(cast)
    kept, changed, removed = (
        review.items.filter(kind="role").first(),
        item_about(review, cast.manager, "Manager"),
        item_about(review, cast.viewer, "Viewer"),
    )
    form = form_of(kept, "keep") | form_of(changed, "change", "Less") | form_of(removed, "remove", "Left")
    response = page_client(cast.admin).post(f"/reviews/{review.pk}?show=mine", form, follow=True)
    assert response.redirect_chain == [(f"/reviews/{review.pk}?show=mine", 302)]
    assert "3 decisions saved." in response.content.decode()
    assert decisions_of(review) == {kept.position: "keep", changed.position: "change", removed.position: "remove"}
    assert not User.objects.get(pk=cast.viewer.pk).grants.role_names
    again = page_client(cast.admin).post(f"/reviews/{review.pk}", form_of(kept, "keep"), follow=True)
    assert "0 decisions saved." in again.content.decode()


def test_a_page_with_a_missing_reason_saves_nothing_and_keeps_everything(cast):
    review = make_review(cast)
    kept, removed = review.items.filter(kind="role").first(), item_about(review, cast.viewer, "Viewer")
    form = form_of(kept, "keep") | form_of(removed, "remove", " ")
    response = page_client(cast.admin).post(f"/reviews/{review.pk}", form)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Say why this access is removed." in page
    assert f'href="#line-{removed.position}"' in page
    assert page.count("checked") >= 2
    assert decisions_of(review) == {}


def test_a_line_that_another_decided_is_marked_and_the_others_are_saved(cast):
    review = make_review(cast)
    mine, theirs = review.items.filter(kind="role").first(), item_about(review, cast.viewer, "Viewer")
    form = form_of(mine, "keep") | form_of(theirs, "change", "Less")
    decide_item(actor=cast.manager, review_id=review.pk, item_id=theirs.pk, decision="keep")
    response = page_client(cast.admin).post(f"/reviews/{review.pk}", form)
    assert response.status_code == 422
    assert "the-manager kept this at" in response.content.decode()
    assert decisions_of(review) == {mine.position: "keep", theirs.position: "keep"}


def test_lines_are_decided_in_groups(cast):
    review = make_review(cast)
    client = page_client(cast.admin)
    page = client.get(f"/reviews/{review.pk}?search=viewer")
    rest = page.context["rest"]
    items = ",".join(map(str, rest))
    client.post(f"/reviews/{review.pk}/rest", {"items": items, "decision": "change"})
    assert decisions_of(review) == {}  # it needs a reason
    answer = client.post(f"/reviews/{review.pk}/rest", {"items": items, "decision": "keep", "next": "/reviews"})
    assert answer["Location"] == "/reviews"
    assert set(decisions_of(review).values()) == {"keep"}
    assert review.items.exclude(decision="").count() == len(rest) == 2


def test_what_is_unchanged_is_kept_by_one_button(cast):
    first = make_review(cast)
    choices = {item.pk: Choice("keep") for item in first.items.all()}
    decide_items(actor=cast.admin, review_id=first.pk, choices=choices)
    close_review(actor=cast.super_admin, review_id=first.pk)
    second = make_review(cast)
    client = page_client(cast.manager)
    assert "Keep all unchanged" in client.get(f"/reviews/{second.pk}").content.decode()
    client.post(f"/reviews/{second.pk}/unchanged", {})
    assert list(second.items.undecided()) == [item_about(second, cast.manager, "Manager")]
    assert "About you: another reviewer decides." in client.get(f"/reviews/{second.pk}?show=own").content.decode()


def test_who_may_carries_out_what_a_reviewer_could_not(cast):
    review = make_review(cast)
    item = item_about(review, cast.viewer, "Viewer")
    decide_item(actor=cast.manager, review_id=review.pk, item_id=item.pk, decision="remove", reason="Left")
    close_review(actor=cast.super_admin, review_id=review.pk)
    address = f"/reviews/{review.pk}/items/{item.pk}/removal"
    assert address not in page_client(cast.manager).get(f"/reviews/{review.pk}").content.decode()
    page_client(cast.manager).post(address)
    assert User.objects.get(pk=cast.viewer.pk).grants.role_names == ("Viewer",)
    client = page_client(cast.admin)
    assert address in client.get(f"/reviews/{review.pk}").content.decode()
    client.post(address)
    assert User.objects.get(pk=cast.viewer.pk).grants.role_names == ()


def test_who_is_no_reviewer_reads_and_has_no_buttons(cast):
    review = make_review(cast, reviewers=["the-admin"])
    page = page_client(cast.manager).get(f"/reviews/{review.pk}").content.decode()
    assert "Save decisions" not in page
    assert 'type="radio"' not in page
    assert f"/reviews/{review.pk}/close" not in page
    item = item_about(review, cast.viewer, "Viewer")
    assert page_client(cast.manager).post(f"/reviews/{review.pk}", form_of(item, "keep")).status_code == 403
    assert decisions_of(review) == {}


def test_a_closed_review_shows_decisions_and_takes_none(cast):
    review = make_review(cast)
    client = page_client(cast.super_admin)
    assert "2 lines are undecided" not in client.get(f"/reviews/{review.pk}/close").content.decode()
    assert client.post(f"/reviews/{review.pk}/close", {}).status_code == 302
    page = client.get(f"/reviews/{review.pk}").content.decode()
    assert "Nobody decided" in page
    assert 'type="radio"' not in page
    item = item_about(review, cast.viewer, "Viewer")
    assert page_client(cast.admin).post(f"/reviews/{review.pk}", form_of(item, "keep")).status_code == 409
    assert client.post(f"/reviews/{review.pk}/close", {}).status_code == 422


def test_reviewers_are_changed_on_the_page(cast):
    review = make_review(cast)
    form = {"reviewers": "the-super_admin", "reviewer_role": "manager", "due": f"{review.due}", "every_months": ""}
    client = page_client(cast.super_admin)
    assert client.get(f"/reviews/{review.pk}/edit").status_code == 200
    assert client.post(f"/reviews/{review.pk}/edit", form).status_code == 302
    review.refresh_from_db()
    assert list(review.reviewers.all()) == [cast.super_admin]
    assert review.reviewer_role == Role.objects.get(slug="manager")


def test_the_list_shows_how_far_each_review_is(cast):
    assert "No access reviews yet" in page_client(cast.manager).get("/reviews").content.decode()
    review = make_review(cast)
    Review.objects.filter(pk=review.pk).update(due=today() - timedelta(days=1))
    page = page_client(cast.manager).get("/reviews?status=overdue").content.decode()
    assert "Overdue" in page
    assert "0 of 4" in page
    assert page_client(cast.manager).get("/reviews?status=lost").status_code == 422
    assert page_client(cast.manager).get(f"/reviews/{review.pk}?show=lost").status_code == 422
    assert "access review is overdue" in page_client(cast.manager).get("/").content.decode()


def test_a_page_costs_the_same_at_3_lines_and_at_100(cast):
    costs = []
    for first, last in ((0, 3), (3, 97)):
        for n in range(first, last):
            make_veterinarian(n)
        review = make_review(cast, roles=["Veterinarian"], reviewers=["the-admin"])
        client = page_client(cast.admin)
        client.get(f"/reviews/{review.pk}")
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"/reviews/{review.pk}")
        assert len(page.context["rows"]) >= last
        costs.append(len(queries))
    assert costs[0] == costs[1]


def make_veterinarian(n):
    user = User.objects.create(username=f"vet-{n}", email=f"vet-{n}@lab.example")
    user.roles.add(Role.objects.get(slug="veterinarian"))
    return user


def test_erased_people_are_nameless_in_reviews(cast):
    person = make_user("ada.lovelace", "Viewer", first_name="Ada", last_name="Lovelace")
    review = make_review(cast)
    item = item_about(review, person, "Viewer")
    decide_item(actor=cast.admin, review_id=review.pk, item_id=item.pk, decision="change", reason="Ada is on leave")
    review.items.filter(pk=item.pk).update(outcome_note="ada.lovelace is the last one.")  # a service's refusal
    Sealer().seal()
    erase_personal_data(actor=cast.super_admin, user_id=person.pk)
    page = page_client(cast.admin).get(f"/reviews/{review.pk}").content.decode()
    assert "Lovelace" not in page
    assert "ada.lovelace" not in page
    assert "on leave" not in page
    assert not AuditLog.objects.filter(details__reason_given="Ada is on leave").exists()
    report = page_client(cast.manager).get(f"/reviews/{review.pk}/report").content.decode()
    assert "Every decision here is the last one that the audit log has." in report
    assert review.items.get(user=person).outcome_note == ""
