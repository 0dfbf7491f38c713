"""PASSWORD_MAX_AGE_DAYS: a password that is too old must be changed at the next sign-in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.passwords import services as password_services
from accounts.sessions.refresh import refresh_session
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.tests.contract.authentication.test_lockout import login

NEW = "Other-Horse-8"


@pytest.fixture
def ninety_days(settings):
    settings.PASSWORD_MAX_AGE = timedelta(days=90)


def make_old(user, days):
    User.objects.filter(pk=user.pk).update(password_changed_at=timezone.now() - timedelta(days=days))
    user.refresh_from_db()


def test_no_password_expires_by_default(cast):
    make_old(cast.viewer, 5000)
    assert page_client(cast.viewer).get("/profile").status_code == 200
    assert b"must be changed" not in page_client(cast.viewer).get("/profile").content


def test_an_old_password_leads_to_its_change_and_to_nothing_else(cast, ninety_days):
    make_old(cast.viewer, 91)
    with audit_rows() as rows:
        browser = page_client(cast.viewer)
    assert [row.details["duty"] for row in rows] == ["change_password"]
    assert browser.get("/profile")["Location"] == "/password?next=%2Fprofile"
    assert b"Your password has expired" in browser.get("/password").content
    typed = {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW}
    assert browser.post("/password", {**typed, "next": "/profile"})["Location"] == "/profile"
    assert browser.get("/profile").status_code == 200


def test_the_api_says_what_it_says_of_any_forced_change(cast, ninety_days):
    make_old(cast.admin, 91)
    answer = login("the-admin").json()
    assert answer["user"]["must_change_password"] is True
    refused = Caller(User.objects.get(pk=cast.admin.pk)).get("/api/users")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "password_change_required")


def test_who_only_renews_tokens_does_not_get_around_it(cast, ninety_days):
    tokens = login("the-admin").json()
    make_old(cast.admin, 91)
    refreshed = refresh_session(refresh_token=tokens["refresh_token"])
    assert refreshed.session.user.must_change_password
    header = {"HTTP_AUTHORIZATION": f"Bearer {refreshed.pair.access_token}"}
    assert Caller().get("/api/users", **header).status_code == 403


def test_a_younger_one_is_left_alone(cast, ninety_days):
    make_old(cast.viewer, 89)
    assert page_client(cast.viewer).get("/profile").status_code == 200


@pytest.mark.parametrize(("age", "is_said"), [(75, False), (77, True), (89, True)])
def test_the_profile_says_so_in_the_last_two_weeks(cast, ninety_days, age, is_said):
    make_old(cast.viewer, age)
    page = page_client(cast.viewer).get("/profile").content.decode()
    assert ("Your password must be changed by" in page) is is_said


def test_a_password_that_was_never_changed_counts_from_the_account(cast, ninety_days):
    User.objects.filter(pk=cast.viewer.pk).update(
        password_changed_at=None, created_at=timezone.now() - timedelta(days=91)
    )
    assert page_client(cast.viewer).get("/profile")["Location"] == "/password?next=%2Fprofile"


def test_a_service_account_has_nothing_that_expires(cast, ninety_days):
    account = make_user("balance-3", "viewer", password=None, is_service=True)
    make_old(account, 5000)
    assert (account.password_expires_at, account.has_expired_password) == (None, False)


def test_a_changed_password_starts_again(cast, ninety_days):
    make_old(cast.viewer, 91)
    user = password_services.change_password(actor=cast.viewer, current_password=PASSWORD, new_password=NEW)
    assert not user.has_expired_password
    assert not user.password_expires_soon
