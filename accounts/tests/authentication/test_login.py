"""Signing in with a name and a password: the services themselves."""

import pytest

from accounts.authentication.login import sign_in_to_pages, sign_in_with_tokens
from accounts.core.exceptions import InvalidCredentials
from accounts.models import Session, User
from accounts.users import services as user_services
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import PASSWORD, audit_rows, make_user

INTERFACES = {
    "pages": lambda name, password: sign_in_to_pages(identifier=name, password=password),
    "tokens": lambda name, password: sign_in_with_tokens(identifier=name, password=password).session,
}
by_both_interfaces = pytest.mark.parametrize("sign_in", INTERFACES.values(), ids=INTERFACES)


def fail_login(name, times=1, password="Wrong-Horse-7"):
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            sign_in_to_pages(identifier=name, password=password)


def from_address(address):
    return request_origin(RequestOrigin(ip_address=address))


@pytest.mark.parametrize("name", ["the-viewer", "THE-Viewer", "the-viewer@lab.example", "The-Viewer@LAB.example"])
@by_both_interfaces
def test_either_name_whatever_its_case_opens_a_session_and_leaves_one_row(cast, sign_in, name, origin):
    with audit_rows() as rows:
        session = sign_in(name, PASSWORD)
    stored = Session.objects.get(pk=session.pk)
    assert stored.is_alive
    assert (stored.user, stored.ip_address, stored.user_agent) == (cast.viewer, origin.ip_address, origin.user_agent)
    assert User.objects.get(pk=cast.viewer.pk).last_login is not None
    (row,) = rows
    assert (row.username, row.user_id, row.action, row.resource) == ("the-viewer", cast.viewer.pk, "login", "auth")
    assert (row.success, row.session_id) == (True, session.pk)
    assert row.details == {"kind": stored.kind, "roles": ["Viewer"], "method": "password"}
    assert (row.ip_address, row.user_agent, row.request_id) == (
        origin.ip_address,
        origin.user_agent,
        origin.request_id,
    )


def test_an_address_goes_before_a_username_that_looks_like_one(cast):
    # The rules keep such names apart; data from elsewhere may hold them.
    twin = make_user("twin", "viewer", password="Twin-Horse-7")
    User.objects.filter(pk=twin.pk).update(username="the-viewer@lab.example")
    assert sign_in_to_pages(identifier="the-viewer@lab.example", password=PASSWORD).user == cast.viewer


def refusals(cast):
    """Name, password and reason of everything that can be wrong."""
    inactive, locked = make_user("inactive", is_active=False), make_user("locked")
    user_services.lock_user(actor=cast.admin, user_id=locked.pk)
    deleted, invited = make_user("deleted"), make_user("invited", password=None)
    user_services.delete_user(actor=cast.admin, user_id=deleted.pk)
    return [
        ("the-viewer", "Wrong-Horse-7", cast.viewer.pk, "The password is wrong."),
        ("the-viewer", PASSWORD.lower(), cast.viewer.pk, "The password is wrong."),
        ("the-viewer", PASSWORD + " ", cast.viewer.pk, "The password is wrong."),
        ("nobody", PASSWORD, None, "There is no such user."),
        ("deleted", PASSWORD, None, "There is no such user."),
        ("inactive", PASSWORD, inactive.pk, "The account is inactive."),
        ("Locked", PASSWORD, locked.pk, "The account is locked."),
        ("locked", "Wrong-Horse-7", locked.pk, "The password is wrong."),
        ("invited", "!", invited.pk, "The password is wrong."),
        ("  the-viewer", PASSWORD, None, "There is no such user."),
        ("", "", None, "There is no such user."),
        ("x" * 254, PASSWORD, None, "There is no such user."),
    ]


@by_both_interfaces
def test_every_refusal_is_the_same_outside_and_says_why_in_the_log(cast, sign_in, origin):
    for name, password, user_id, reason in refusals(cast):
        with audit_rows() as rows, pytest.raises(InvalidCredentials) as refusal:
            sign_in(name, password)
        assert str(refusal.value) == "Invalid credentials"
        (row,) = rows
        assert (row.username, row.user_id, row.action, row.resource) == (name, user_id, "login", "auth")
        assert (row.success, row.details) == (False, {"reason": reason})
        assert (row.ip_address, row.request_id) == (origin.ip_address, origin.request_id)
    assert not Session.objects.exists()


def test_ten_failed_attempts_lock_the_name_out_also_for_the_right_password(cast, origin):
    fail_login("the-viewer", 5)
    fail_login("THE-VIEWER@lab.example", 5)
    for name in ("the-viewer", "the-viewer@lab.example"):
        with pytest.raises(TooManyAttempts) as refusal:
            sign_in_to_pages(identifier=name, password=PASSWORD)
        assert 0 < refusal.value.retry_after <= 900
    assert sign_in_to_pages(identifier="the-manager", password=PASSWORD)


def test_a_name_that_nobody_has_locks_out_alike(cast, origin):
    fail_login("nobody", 5)
    fail_login("NoBody", 5)
    with pytest.raises(TooManyAttempts):
        sign_in_to_pages(identifier="nobody", password=PASSWORD)


def test_a_flood_at_a_locked_out_name_leaves_one_row_for_each_address(cast, origin):
    fail_login("the-viewer", 10)
    with audit_rows() as rows:
        for address in ("198.51.100.7", "198.51.100.8"):
            with from_address(address):
                for _ in range(5):
                    with pytest.raises(TooManyAttempts):
                        sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    assert [(row.ip_address, row.success, row.details) for row in rows] == [
        ("198.51.100.7", False, {"reason": "Too many attempts."}),
        ("198.51.100.8", False, {"reason": "Too many attempts."}),
    ]


def test_the_right_password_restarts_the_count(cast, origin):
    for _ in range(3):
        fail_login("the-viewer", 9)
        sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


def test_fifty_failed_attempts_from_an_address_lock_it_out_and_no_other(cast):
    with from_address("198.51.100.7"):
        for n in range(10):
            fail_login(f"nobody-{n}", 5)
        with pytest.raises(TooManyAttempts):
            sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    with from_address("198.51.100.8"):
        assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


def test_successes_and_attempts_at_a_locked_out_name_cost_an_address_nothing(cast, origin):
    fail_login("nobody", 10)
    for _ in range(60):
        with pytest.raises(TooManyAttempts):
            sign_in_to_pages(identifier="nobody", password=PASSWORD)
    for _ in range(60):
        sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    fail_login("the-manager")


def test_unlocking_lifts_a_lockout_by_failed_attempts(cast, origin, django_capture_on_commit_callbacks):
    fail_login("the-viewer", 10)
    with django_capture_on_commit_callbacks(execute=True):
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk)
    assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


def test_limits_can_be_switched_off(cast, origin, settings):
    settings.RATE_LIMIT_ENABLED = False
    fail_login("the-viewer", 12)
    assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
