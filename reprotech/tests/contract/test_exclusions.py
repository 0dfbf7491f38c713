"""`/api/exclusions`: bodies, statuses and errors as the contract has them."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Exclusion, ExclusionException
from reprotech.testing.cast import make_user
from reprotech.testing.client import TIME, Caller, error_of

NEW = {
    "name": "Tests",
    "set_a": ["lab_test_create", "lab_test_update"],
    "set_b": ["lab_test_approve"],
    "mode": "refuse",
    "reason": "Four eyes.",
}
#: The Super Administrator holds both too, but doesn't count; the Administrator does.
SHOWN = {**NEW, "violations": 1, "created_at": TIME, "updated_at": TIME}


@pytest.fixture
def made(super_admin):
    return super_admin.post("/api/exclusions", NEW).json()["exclusion"]


def ends_in(days):
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.mark.parametrize("suffix", ["", "/"])
def test_create_says_how_many_hold_both_now(super_admin, suffix):
    response = super_admin.post(f"/api/exclusions{suffix}", NEW)
    exclusion = Exclusion.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "message": "Exclusion created successfully",
        "exclusion": {"id": exclusion.pk, **SHOWN},
    }
    assert super_admin.get("/api/exclusions").json() == {"exclusions": [{"id": exclusion.pk, **SHOWN}]}
    assert super_admin.get(f"/api/exclusions/{exclusion.pk}").json() == {"id": exclusion.pk, **SHOWN}


def test_roles_are_named_by_name_or_slug_and_shown_by_name(super_admin, cast):
    body = {"name": "Roles", "set_a": ["super_admin", "manager"], "set_b": ["Viewer"]}
    made = super_admin.post("/api/exclusions", body).json()["exclusion"]
    assert (made["set_a"], made["set_b"], made["mode"]) == (["Super Administrator", "Manager"], ["Viewer"], "refuse")


def test_change_and_delete(super_admin, made):
    path = f"/api/exclusions/{made['id']}"
    changed = super_admin.patch(path, {"mode": "warn", "set_b": ["Manager"]}).json()
    assert changed["message"] == "Exclusion updated successfully"
    assert changed["exclusion"] == {"id": made["id"], **SHOWN, "mode": "warn", "set_b": ["Manager"], "violations": 0}
    assert super_admin.delete(path).json() == {"message": "Exclusion deleted successfully"}
    assert super_admin.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"set_a": "lab_test_create"}, "set_a"),
        ({"set_a": []}, "set_a"),
        ({"set_b": ["lab_test_fly"]}, "set_b"),
        ({"mode": "forbid"}, "mode"),
        ({"mode": ["warn"]}, "mode"),
        ({"id": 1}, "id"),
    ],
)
def test_bad_bodies(super_admin, made, change, field):
    response = super_admin.patch(f"/api/exclusions/{made['id']}", change)
    body = error_of(response)
    assert (response.status_code, body["code"], list(body["errors"])) == (400, "invalid", [field])


def test_a_stale_version_is_refused(super_admin, made):
    path = f"/api/exclusions/{made['id']}"
    tag = super_admin.get(path)["ETag"]
    assert super_admin.patch(path, {"mode": "warn"}, HTTP_IF_MATCH=tag).status_code == 200
    assert super_admin.patch(path, {"mode": "refuse"}, HTTP_IF_MATCH=tag).status_code == 412


def test_violations_name_what_is_held_of_each_set(super_admin, made, cast):
    body = super_admin.get("/api/exclusions/violations?per_page=1").json()
    assert body == {
        "violations": [
            {
                "exclusion": "Tests",
                "exclusion_id": made["id"],
                "mode": "refuse",
                "user": cast.admin.username,
                "user_id": cast.admin.pk,
                "held_a": ["lab_test_create", "lab_test_update"],
                "held_b": ["lab_test_approve"],
                "excepted_until": None,
            }
        ],
        "total": 1,
        "page": 1,
        "per_page": 1,
        "pages": 1,
    }
    assert super_admin.get("/api/exclusions/violations?page=2").json()["violations"] == []
    assert super_admin.get("/api/exclusions/violations?exclusion=999999999").json()["total"] == 0
    assert super_admin.get("/api/exclusions/violations?exclusion=x").status_code == 400


def test_people_are_named_to_readers_of_users_alone(super_admin, made, make_role_holder):
    reader = make_role_holder("role_read", "role_update")
    path = f"/api/exclusions/{made['id']}/exceptions"
    assert reader.get("/api/exclusions").status_code == 200
    for response in (
        reader.get("/api/exclusions/violations"),
        reader.get(path),
        reader.post(path, {"user": "the-admin", "reason": "x", "ends_at": ends_in(1)}),
    ):
        assert (response.status_code, error_of(response)["required"]) == (403, "user_read")


@pytest.fixture
def make_role_holder(super_admin):
    """Make someone with a role of these permissions."""

    def make(*permissions):
        super_admin.post("/api/roles", {"name": "Some", "permissions": list(permissions)})
        return Caller(make_user("some-one", "Some"))

    return make


def test_an_exception_from_asking_to_its_end(super_admin, admin, made, cast):
    path = f"/api/exclusions/{made['id']}/exceptions"
    asked = admin.post(path, {"user": "THE-VIEWER", "reason": "Illness.", "ends_at": ends_in(3)})
    assert asked.status_code == 201
    exception = asked.json()["exception"]
    assert exception == {
        "id": exception["id"],
        "user": "the-viewer",
        "reason": "Illness.",
        "ends_at": TIME,
        "state": "asked",
        "asked_by": "the-admin",
        "asked_at": TIME,
        "approved_by": None,
        "approved_at": None,
    }
    refused = admin.post(f"{path}/{exception['id']}/approve")
    assert (refused.status_code, error_of(refused)["code"]) == (409, "second_person")
    approved = super_admin.post(f"{path}/{exception['id']}/approve").json()["exception"]
    assert (approved["state"], approved["approved_by"]) == ("approved", "the-super_admin")
    assert admin.get(path).json() == {"exceptions": [approved]}
    gone = admin.delete(f"{path}/{exception['id']}")
    assert gone.json() == {"message": "Exception withdrawn successfully"}
    assert not ExclusionException.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": "nobody-at-all"}, "user"),
        ({"ends_at": "2027-02-30T00:00:00Z"}, "ends_at"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "2027-01-01T00:00:00"}, "ends_at"),
        ({"ends_at": None}, "ends_at"),
        ({"reason": ""}, "reason"),
        ({"approved_by": "the-admin"}, "approved_by"),
    ],
)
def test_bad_exceptions(super_admin, made, change, field):
    body = {"user": "the-viewer", "reason": "Illness.", "ends_at": ends_in(3), **change}
    response = super_admin.post(f"/api/exclusions/{made['id']}/exceptions", body)
    assert (response.status_code, list(error_of(response)["errors"])) == (400, [field])


# Where rights change


def test_a_refused_change_is_a_conflict_that_names_who_and_what(super_admin, made, cast):
    response = super_admin.patch(f"/api/users/{cast.viewer.pk}", {"roles": ["Researcher", "Manager"]})
    body = error_of(response)
    assert (response.status_code, body.pop("code")) == (409, "segregation")
    assert "which the exclusion “Tests” refuses" in body.pop("error")
    conflict = {
        "exclusion": "Tests",
        "user": "the-viewer",
        "held": [],
        "added": ["lab_test_create", "lab_test_update", "lab_test_approve"],
    }
    assert body == {"conflicts": [conflict], "total": 1}
    for later in ({"role": "Manager"}, {"role": "Manager", "starts_at": ends_in(3)}):
        refused = super_admin.post(f"/api/users/{cast.researcher.pk}/roles", later)
        assert (refused.status_code, error_of(refused)["code"]) == (409, "segregation")


def test_a_warning_is_in_the_answer(super_admin, made, cast):
    super_admin.patch(f"/api/exclusions/{made['id']}", {"mode": "warn"})
    answer = super_admin.patch(f"/api/users/{cast.researcher.pk}", {"roles": ["Researcher", "Manager"]}).json()
    [warning] = answer["warnings"]
    assert warning["conflicts"] == [
        {
            "exclusion": "Tests",
            "user": "the-researcher",
            "held": ["lab_test_create", "lab_test_update"],
            "added": ["lab_test_approve"],
        }
    ]
    assert (warning["total"], "warns of" in warning["message"]) == (1, True)
    again = super_admin.patch(f"/api/users/{cast.researcher.pk}", {"roles": ["Researcher", "Manager"]})
    assert "warnings" not in again.json()
