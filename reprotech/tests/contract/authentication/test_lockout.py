"""Section 3 of the contract: 10 failed logins for a name, 50 from an address, 6,000 calls with a token."""

import pytest
from django.test import Client

from accounts.throttling.token_calls import count_call
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, error_of

TOO_MANY = {"error": "Too many attempts", "code": "too_many_attempts"}


def login(username, password=PASSWORD, address="192.0.2.10"):
    return Caller(address=address).post("/api/auth/login", {"username": username, "password": password})


def guess(username, times, **caller):
    return {login(username, f"Wrong-Guess-{number}", **caller).status_code for number in range(times)}


def assert_too_many(response, within=900):
    assert (response.status_code, error_of(response)) == (429, TOO_MANY)
    assert 0 < int(response["Retry-After"]) <= within


def test_after_ten_wrong_guesses_even_the_right_password_is_refused(cast):
    assert guess("the-viewer", 10) == {401}
    assert_too_many(login("the-viewer"))


def test_a_lockout_holds_from_every_address(cast):
    guess("the-viewer", 10, address="198.51.100.1")
    assert_too_many(login("the-viewer", address="198.51.100.2"))


def test_a_lockout_keeps_nobody_else_out(cast):
    guess("the-viewer", 10)
    assert login("the-admin").status_code == 200


def test_username_and_email_address_share_the_counter(cast):
    for name in ("the-viewer", "THE-VIEWER", "the-viewer@lab.example", "The-Viewer@Lab.example", "the-viewer"):
        assert guess(name, 2) == {401}
    assert_too_many(login("the-viewer"))
    assert_too_many(login("the-viewer@lab.example"))


def test_a_name_that_nobody_has_is_locked_out_alike(cast):
    assert guess("nobody-of-this-name", 10) == {401}
    assert_too_many(login("nobody-of-this-name"))


def test_a_right_password_starts_the_counter_anew(cast):
    guess("the-viewer", 9)
    assert login("the-viewer").status_code == 200
    assert guess("the-viewer", 9) == {401}
    assert login("the-viewer").status_code == 200


def test_unlock_ends_a_lockout(cast, admin, django_capture_on_commit_callbacks):
    guess("the-viewer", 10)
    assert login("the-viewer").status_code == 429
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(f"/api/users/{cast.viewer.pk}/unlock").status_code == 200
    assert login("the-viewer").status_code == 200


def test_fifty_failures_from_an_address_close_it_for_every_name(cast):
    for number in range(50):
        assert login(f"guess-{number}").status_code == 401
    assert_too_many(login("the-viewer"))
    assert login("the-viewer", address="192.0.2.11").status_code == 200


def test_logins_that_succeed_do_not_use_up_an_address(cast):
    for number in range(49):
        login(f"guess-{number}")
    for _ in range(3):
        assert login("the-viewer").status_code == 200


def test_guesses_at_a_locked_name_do_not_use_up_the_address(cast):
    guess("the-viewer", 60)
    assert login("the-admin").status_code == 200


def test_a_lockout_leaves_one_row_and_not_one_for_every_refusal(cast):
    guess("the-viewer", 20)
    reasons = list(AuditLog.objects.filter(action="login").order_by("id").values_list("details__reason", flat=True))
    assert reasons == ["The password is wrong."] * 10 + ["Too many attempts."]


def test_the_page_and_the_api_share_the_counter(cast):
    guess("the-viewer", 10)
    page = Client().post("/login", {"username": "the-viewer", "password": PASSWORD})
    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= 900


def test_wrong_current_passwords_are_limited_too(cast, viewer):
    body = {"current_password": "Wrong-Horse-7", "new_password": "Other-Horse-8"}
    statuses = [viewer.post("/api/auth/change-password", body).status_code for _ in range(10)]
    assert statuses == [400] * 10
    assert_too_many(viewer.post("/api/auth/change-password", {**body, "current_password": PASSWORD}))
    assert login("the-viewer").status_code == 200


def test_a_token_is_good_for_six_thousand_calls_a_minute(cast, viewer):
    for _ in range(5999):
        count_call(viewer.signed_in.session.pk)
    assert viewer.get("/api/auth/me").status_code == 200
    assert_too_many(viewer.get("/api/auth/me"), within=60)
    assert Caller(cast.viewer).get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("username", ["the-viewer", "nobody-of-this-name"])
def test_limits_can_be_switched_off(cast, settings, username):
    settings.RATE_LIMIT_ENABLED = False
    assert guess(username, 15) == {401}
