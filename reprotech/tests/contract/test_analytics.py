"""Section 3 of the contract: the figures about users."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditLog
from reprotech.testing.cast import make_user
from reprotech.testing.client import TIME, error_of
from reprotech.tests.contract.authentication.test_lockout import login


@pytest.fixture(autouse=True)
def made_today(one_day, cast):
    """The cast was made when the tests began, which may have been yesterday."""
    User.objects.update(created_at=timezone.now())


def in_the_past(user, **days):
    User.objects.filter(pk=user.pk).update(**{field: timezone.now() - timedelta(days=n) for field, n in days.items()})


@pytest.mark.parametrize("path", ["/api/users/analytics", "/api/users/analytics/"])
def test_the_figures_count_users_roles_and_logins(cast, super_admin, path):
    make_user("idle", "viewer", is_active=False)
    super_admin.post(f"/api/users/{cast.manager.pk}/lock")
    super_admin.delete(f"/api/users/{cast.researcher.pk}")
    login("the-viewer", address="198.51.100.7")
    login("the-viewer", "Wrong-Horse-7")
    response = super_admin.get(f"{path}?days=1")
    assert response.status_code == 200
    today = timezone.now().date().isoformat()
    assert response.json() == {
        "total_users": 8,
        "active_users": 6,
        "inactive_users": 2,
        "locked_users": 1,
        "users_by_role": {
            "Super Administrator": 1,
            "Administrator": 1,
            "Manager": 1,
            "Researcher": 0,
            "Veterinarian": 1,
            "Laboratory Technician": 1,
            "Viewer": 2,
        },
        "recent_logins": [{"user": "the-viewer", "timestamp": TIME, "ip_address": "198.51.100.7"}],
        "user_growth": [{"date": today, "total": 8, "new": 9}],
        "login_activity": [{"date": today, "success": 1, "failed": 1}],
    }


def test_the_series_have_a_row_for_each_of_the_last_thirty_days(cast, super_admin):
    body = super_admin.get("/api/users/analytics").json()
    today = timezone.now().date()
    dates = [(today - timedelta(days=age)).isoformat() for age in range(29, -1, -1)]
    assert [row["date"] for row in body["user_growth"]] == dates
    assert [row["date"] for row in body["login_activity"]] == dates


def test_growth_counts_users_until_they_are_deleted(cast, super_admin):
    in_the_past(cast.viewer, created_at=400)
    in_the_past(cast.manager, created_at=2)
    in_the_past(cast.researcher, created_at=400, deleted_at=1)
    in_the_past(cast.veterinarian, created_at=400, deleted_at=399)
    growth = super_admin.get("/api/users/analytics?days=4").json()["user_growth"]
    assert [(row["total"], row["new"]) for row in growth] == [(2, 0), (3, 1), (2, 0), (6, 4)]


def test_recent_logins_are_the_last_ten_that_succeeded(cast, super_admin):
    for number in range(12):
        AuditLog.objects.create(username=f"user-{number}", action="login", resource="auth", success=number != 11)
    recent = super_admin.get("/api/users/analytics").json()["recent_logins"]
    assert [login["user"] for login in recent] == [f"user-{number}" for number in range(10, 0, -1)]


def test_roles_of_ones_own_are_counted_too(cast, super_admin):
    super_admin.post("/api/roles", {"name": "Night Shift"})
    assert list(super_admin.get("/api/users/analytics").json()["users_by_role"].items())[-1] == ("Night Shift", 0)


@pytest.mark.parametrize("days", ["0", "367", "-1", "many"])
def test_a_number_of_days_out_of_range_is_refused(cast, super_admin, days):
    response = super_admin.get(f"/api/users/analytics?days={days}")
    assert (response.status_code, error_of(response)["errors"]) == (
        400,
        {"days": ["Give a whole number from 1 to 366."]},
    )
