"""Roles for a period, through the API."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import RoleGrant, User
from reprotech.testing.cast import audit_rows, make_user

NOW = timezone.now().replace(microsecond=0)


def in_days(days: int) -> str:
    return (NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")


def test_a_role_is_given_for_a_period_and_taken(super_admin):
    user = make_user("visitor", "viewer")
    body = {"role": "researcher", "starts_at": None, "ends_at": in_days(14), "reason": "Guest of the lab"}
    answer = super_admin.post(f"/api/users/{user.pk}/roles", body)
    assert answer.status_code == 201, answer.json()
    granted = answer.json()["grant"]
    assert {name: granted[name] for name in ("role", "starts_at", "ends_at", "granted_by", "reason")} == {
        **body,
        "role": "Researcher",
        "granted_by": super_admin.user.username,
    }
    shown = super_admin.get(f"/api/users/{user.pk}").json()
    assert shown["roles"] == ["Researcher", "Viewer"]
    assert shown["role_grants"][0] == granted
    assert (shown["role_grants"][1]["role"], shown["role_grants"][1]["ends_at"]) == ("Viewer", None)
    taken = super_admin.delete(f"/api/users/{user.pk}/roles/Researcher")
    assert (taken.status_code, taken.json()["user"]["roles"]) == (200, ["Viewer"])
    assert super_admin.delete(f"/api/users/{user.pk}/roles/researcher").status_code == 404


def test_a_role_that_begins_later_is_shown_and_not_held(super_admin):
    user = make_user("starter")
    body = {"role": "Viewer", "starts_at": in_days(3)}
    with audit_rows() as rows:
        assert super_admin.post(f"/api/users/{user.pk}/roles", body).status_code == 201
    shown = super_admin.get(f"/api/users/{user.pk}").json()
    assert (shown["roles"], shown["permissions"]) == ([], [])
    assert [(grant["role"], grant["starts_at"]) for grant in shown["role_grants"]] == [("Viewer", body["starts_at"])]
    assert [row.action for row in rows] == ["role_assign"]
    assert super_admin.delete(f"/api/users/{user.pk}/roles/viewer").json()["user"]["role_grants"] == []


def test_a_day_is_one_of_the_laboratory(super_admin, settings):
    settings.LAB_TIME_ZONE = "Asia/Tokyo"
    user = make_user("by-day")
    body = {"role": "viewer", "starts_at": "2090-01-01", "ends_at": "2090-01-31"}
    granted = super_admin.post(f"/api/users/{user.pk}/roles", body).json()["grant"]
    assert (granted["starts_at"], granted["ends_at"]) == ("2089-12-31T15:00:00Z", "2090-01-31T15:00:00Z")


def test_a_period_that_is_none_is_refused_with_nothing_given(super_admin, cast):
    wrong = {
        "ends_at": ("2020-01-01", "2090-02-30", "2090-02-01T10:00:00", 4102444800, "9999-12-31", "", "soon"),
        "starts_at": (
            *("9999-12-31T23:59:59.999999-14:00", ["2090-01-01"]),
            *("0001-01-01", "0001-01-01T00:00:00+14:00", "1899-12-31"),
        ),
        "until": ("2090-01-01",),
    }
    bodies = [({field: value}, field) for field, values in wrong.items() for value in values]
    bodies.append(({"starts_at": "2090-01-02T00:00:00Z", "ends_at": "2090-01-02T00:00:00Z"}, "ends_at"))
    for period, field in bodies:
        answer = super_admin.post(f"/api/users/{cast.stranger.pk}/roles", {"role": "viewer", **period})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), period
    assert not RoleGrant.objects.filter(user=cast.stranger).exists()


def test_overlapping_grants_of_a_role_are_a_conflict_and_later_ones_none(super_admin):
    user = make_user("twice")
    path = f"/api/users/{user.pk}/roles"
    assert super_admin.post(path, {"role": "viewer", "ends_at": in_days(10)}).status_code == 201
    overlapping = super_admin.post(path, {"role": "viewer", "starts_at": in_days(9)})
    assert (overlapping.status_code, RoleGrant.objects.filter(user=user).count()) == (409, 1)
    assert super_admin.post(path, {"role": "viewer", "starts_at": in_days(10)}).status_code == 201


def test_who_may_not_change_a_user_gives_and_takes_no_role(viewer, admin, cast):
    for caller, role in ((viewer, "viewer"), (admin, "super_admin")):
        answer = caller.post(f"/api/users/{cast.stranger.pk}/roles", {"role": role, "ends_at": in_days(1)})
        assert answer.status_code == 403
    assert viewer.delete(f"/api/users/{cast.manager.pk}/roles/manager").status_code == 403
    assert not RoleGrant.objects.filter(user=cast.stranger).exists()


def test_the_list_finds_access_that_ends_before_a_moment(super_admin, settings):
    soon, later, never = (make_user(f"ends-{name}") for name in ("soon", "later", "never"))
    for user, days in ((soon, 5), (later, 50)):
        super_admin.post(f"/api/users/{user.pk}/roles", {"role": "viewer", "ends_at": in_days(days)})
    account = make_user("ends-account", "viewer")
    User.objects.filter(pk=account.pk).update(ends_at=in_days(6))
    found = super_admin.get(f"/api/users?ends_before={in_days(7)}&sort=id").json()
    assert [user["username"] for user in found["users"]] == [soon.username, account.username]
    assert found["users"][1]["ends_at"] == in_days(6)
    assert never.username not in str(found)
    settings.LAB_TIME_ZONE = "Europe/Berlin"
    for moment in ("yesterday", "0001-01-01"):
        refused = super_admin.get(f"/api/users?ends_before={moment}")
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["ends_before"])


def test_a_user_is_created_for_a_period_with_a_role_for_a_shorter_one(super_admin):
    body = {"username": "guest", "email": "guest@lab.example", "starts_at": in_days(2), "ends_at": in_days(20)}
    grants = [{"role": "viewer"}, {"role": "Researcher", "ends_at": in_days(9), "reason": "Course"}]
    created = super_admin.post("/api/users", {**body, "role_grants": grants})
    assert created.status_code == 201, created.json()
    user = created.json()["user"]
    assert (user["status"], user["starts_at"], user["ends_at"]) == ("pending", body["starts_at"], body["ends_at"])
    assert [(grant["role"], grant["ends_at"], grant["reason"]) for grant in user["role_grants"]] == [
        ("Researcher", in_days(9), "Course"),
        ("Viewer", None, ""),
    ]


def test_role_grants_replace_all_grants_and_null_opens_the_account(super_admin):
    user = make_user("changed", "viewer", "manager")
    path = f"/api/users/{user.pk}"
    grants = [{"role": "viewer", "ends_at": in_days(5)}]
    changed = super_admin.patch(path, {"role_grants": grants, "ends_at": in_days(6)}).json()["user"]
    assert (changed["roles"], changed["role_grants"][0]["ends_at"]) == (["Viewer"], in_days(5))
    assert changed["ends_at"] == in_days(6)
    assert super_admin.patch(path, {"ends_at": None}).json()["user"]["ends_at"] is None
    assert super_admin.patch(path, {"role_grants": []}).json()["user"]["role_grants"] == []


def test_grants_that_were_read_can_be_sent_back(super_admin):
    user = make_user("sent-back", "viewer")
    path = f"/api/users/{user.pk}"
    body = {"role": "researcher", "starts_at": None, "ends_at": in_days(14), "reason": "Guest of the lab"}
    super_admin.post(f"{path}/roles", body)
    read = super_admin.get(path).json()
    sent = {name: read[name] for name in ("username", "email", "role_grants", "starts_at", "ends_at", "is_active")}
    with audit_rows() as rows:
        answer = super_admin.put(path, sent)
    assert (answer.status_code, answer.json()["user"]["role_grants"], rows) == (200, read["role_grants"], [])
    # With another end of one of them.
    sent["role_grants"][0]["ends_at"] = in_days(9)
    assert super_admin.put(path, sent).json()["user"]["role_grants"][0]["ends_at"] == in_days(9)
    for change in ({"granted_by": "viewer"}, {"granted_at": in_days(-3)}):
        wrong = {"role_grants": [{**read["role_grants"][1], "granted_at": in_days(-9), **change}]}
        answer = super_admin.put(path, wrong)
        assert (answer.status_code, "as they were read" in answer.json()["errors"]["role_grants"][0]) == (400, True)


def test_what_contradicts_itself_is_refused_and_nothing_is_changed(super_admin, cast):
    path = f"/api/users/{cast.viewer.pk}"
    later, sooner = in_days(9), in_days(4)
    refused = [
        ({"roles": ["viewer"], "role_grants": [{"role": "viewer"}]}, "role_grants"),
        ({"role_grants": [{"role": "viewer", "starts_at": later, "ends_at": sooner}]}, "ends_at"),
        ({"role_grants": [{"role": "viewer", "granted_by": "me"}]}, "role_grants"),
        ({"role_grants": {"role": "viewer"}}, "role_grants"),
        ({"starts_at": later, "ends_at": sooner}, "ends_at"),
        ({"role_grants": [{"role": "viewer", "ends_at": later}, {"role": "Viewer"}]}, "role_grants"),
    ]
    before = super_admin.get(path).json()
    for body, field in refused:
        answer = super_admin.patch(path, body)
        assert (answer.status_code, field in answer.json()["errors"]) == (400, True), (body, answer.json())
    assert super_admin.get(path).json() == before


def test_no_role_is_given_for_a_time_that_is_over(super_admin):
    user = make_user("backdated")
    path = f"/api/users/{user.pk}"
    body = {"role": "viewer", "starts_at": "2020-01-01T00:00:00Z", "ends_at": in_days(14)}
    with audit_rows() as rows:
        given = super_admin.post(f"{path}/roles", body)
        # What has begun already is the same grant, however far back a list says that it began.
        super_admin.patch(path, {"role_grants": [body]})
        super_admin.patch(path, {"role_grants": [{**body, "ends_at": in_days(15)}]})
    assert (given.status_code, given.json()["grant"]["starts_at"]) == (201, None)
    assert [(row.action, [one["starts_at"] for one in row.details["grants"]]) for row in rows] == [
        ("role_assign", [None]),
        ("role_assign", [None]),
    ]
    assert super_admin.get(path).json()["role_grants"][0]["starts_at"] is None
