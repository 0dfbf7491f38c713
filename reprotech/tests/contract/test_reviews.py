"""`/api/reviews`: bodies, statuses and errors as the contract has them."""

from datetime import timedelta

import pytest

from reprotech.testing.cast import make_user
from reprotech.testing.client import TIME, Caller, error_of
from reviews.models import Review
from reviews.models.days import today
from reviews.tests.support.campaigns import item_about, make_review


@pytest.fixture
def manager(cast):
    return Caller(cast.manager)


def body(**fields):
    given = {"name": "Q4", "scope": {"roles": ["Viewer"]}, "reviewers": ["the-manager"]}
    return {**given, "due": f"{today() + timedelta(days=14)}", **fields}


def test_open_answers_with_the_review(super_admin):
    response = super_admin.post("/api/reviews", body(every_months=3))
    review = Review.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "message": "Review opened successfully",
        "review": {
            "id": review.pk,
            "name": "Q4",
            "status": "open",
            "scope": {"roles": ["Viewer"]},
            "reviewers": ["the-manager"],
            "reviewer_role": None,
            "due": f"{review.due}",
            "every_months": 3,
            "next_opens_on": f"{review.next_opens_on}",
            "if_unanswered": "keep",
            "items": 2,
            "decided": 0,
            "removed": 0,
            "to_carry_out": 0,
            "opened_at": TIME,
            "opened_by": "the-super_admin",
            "closed_at": None,
            "closed_by": None,
        },
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scope": {}}, "scope"),
        ({"scope": {"roles": ["Viewer"], "users": True}}, "scope"),
        ({"scope": {"users": False}}, "scope"),
        ({"scope": {"roles": ["Nobody"]}}, "scope"),
        ({"scope": {"roles": []}}, "scope"),
        ({"reviewers": []}, "reviewers"),
        ({"reviewers": ["nobody"]}, "reviewers"),
        ({"reviewers": ["the-viewer"]}, "reviewers"),
        ({"reviewer_role": "Viewer"}, "reviewer_role"),
        ({"due": "2020-01-01"}, "due"),
        ({"due": "2030-02-30"}, "due"),
        ({"due": "2999-01-01"}, "due"),
        ({"due": f"{today() + timedelta(days=40)}", "every_months": 1}, "due"),
        ({"every_months": 0}, "every_months"),
        ({"if_unanswered": "delete"}, "if_unanswered"),
        ({"scope": {"keys": True}, "if_unanswered": "lock"}, "if_unanswered"),
        ({"name": " "}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(super_admin, fields, field):
    response = super_admin.post("/api/reviews", body(**fields))
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert not Review.objects.exists()


def test_nothing_to_review_is_a_conflict(super_admin):
    response = super_admin.post("/api/reviews", body(scope={"keys": True}))
    assert response.status_code == 409


def test_a_decision_answers_with_the_item(cast, manager):
    review = make_review(cast)
    item = item_about(review, cast.viewer, "Viewer")
    address = f"/api/reviews/{review.pk}/items/{item.pk}"
    assert manager.get(address).json()["decision"] is None
    response = manager.post(address, {"decision": "remove", "reason": "Left"})
    assert response.status_code == 200
    shown = response.json()["item"]
    assert shown["user"] == {"id": cast.viewer.pk, "username": "the-viewer", "full_name": "the-viewer"}
    assert (shown["decision"], shown["outcome"], shown["decided_by"]) == ("remove", "pending", "the-manager")
    assert shown["carried_out_by"] == ["the-admin", "the-super_admin"]
    assert shown["granted_by"] is None  # by the system
    listed = manager.get(f"/api/reviews/{review.pk}/items?show=pending").json()
    assert [one["id"] for one in listed["items"]] == [item.pk]


def test_refusals_say_why(cast, super_admin, admin, manager):
    review = make_review(cast)
    items = f"/api/reviews/{review.pk}/items"
    own, other = item_about(review, cast.manager, "Manager"), item_about(review, cast.viewer, "Viewer")
    keep = {"decision": "keep"}
    assert error_of(manager.post(f"{items}/{own.pk}", keep))["code"] == "own_access"
    assert error_of(super_admin.post(f"{items}/{other.pk}", keep))["code"] == "not_reviewer"
    before = manager.get(f"{items}/{other.pk}")
    assert manager.post(f"{items}/{other.pk}", keep).status_code == 200
    second = admin.post(f"{items}/{other.pk}", {"decision": "change", "reason": "Less"})
    assert second.status_code == 409
    assert second.json()["error"].startswith("the-manager kept this at ")
    stale = admin.post(f"{items}/{other.pk}", {"decision": "keep"}, HTTP_IF_MATCH=before["ETag"])
    assert stale.status_code == 412
    assert super_admin.post(f"/api/reviews/{review.pk}/close", {}).json()["review"]["status"] == "closed"
    assert error_of(manager.post(f"{items}/{own.pk}", keep))["code"] == "review_closed"


def test_reviewers_and_the_last_day_can_change_and_the_recurrence_end(cast, super_admin):
    review = make_review(cast, every_months=3)
    address = f"/api/reviews/{review.pk}"
    later = f"{today() + timedelta(days=20)}"
    changed = super_admin.patch(address, {"reviewers": ["the-admin"], "due": later, "every_months": None}).json()
    assert changed["review"]["reviewers"] == ["the-admin"]
    assert (changed["review"]["due"], changed["review"]["every_months"]) == (later, None)
    refused = super_admin.patch(address, {"reviewers": []})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["reviewers"])
    assert list(super_admin.patch(address, {"name": "Other"}).json()["errors"]) == ["name"]


def test_who_may_not_read_roles_sees_their_own_reviews_alone(cast, super_admin):
    super_admin.post("/api/roles", {"name": "Checker", "permissions": ["user_read"]})
    checker = Caller(make_user("checker", "Checker"))
    own = make_review(cast, reviewers=["checker"])
    other = make_review(cast)
    assert [found["id"] for found in checker.get("/api/reviews").json()["reviews"]] == [own.pk]
    assert checker.get(f"/api/reviews/{other.pk}").status_code == 404
    assert checker.get(f"/api/reviews/{own.pk}").status_code == 200
    assert len(super_admin.get("/api/reviews?status=open&mine=false").json()["reviews"]) == 2
    assert super_admin.get("/api/reviews?mine=true").json()["reviews"] == []


def test_unchanged_items_are_kept_in_one_call(cast, manager):
    review = make_review(cast)
    assert manager.post(f"/api/reviews/{review.pk}/unchanged", {}).json() == {"message": "0 kept", "kept": 0}
