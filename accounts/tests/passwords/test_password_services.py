"""Choosing, changing and resetting passwords: the services themselves."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.utils import timezone
from limits import parse

from accounts.authentication.login import sign_in_to_pages
from accounts.core.exceptions import InvalidCredentials
from accounts.models import Session, User
from accounts.notifications.links import reset_tokens
from accounts.passwords import services as password_services
from accounts.throttling import login_throttle, rate_limits
from accounts.users import services as user_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, TooManyAttempts, ValidationFailed
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller

NEW = "Other-Horse-8"


def stored(user):
    return User.objects.get(pk=user.pk)


def change(user, current=PASSWORD, new=NEW, **more):
    return password_services.change_password(actor=user, current_password=current, new_password=new, **more)


# One's own password


def test_changing_ends_the_other_sessions_and_leaves_one_row(cast, expect_row):
    mine, other = Caller(cast.viewer).signed_in.session, Caller(cast.viewer).signed_in.session
    with audit_rows() as rows:
        change(cast.viewer, session_id=mine.pk)
    assert stored(cast.viewer).check_password(NEW)
    assert not stored(cast.viewer).check_password(PASSWORD)
    assert Session.objects.get(pk=mine.pk).is_alive
    assert Session.objects.get(pk=other.pk).end_reason == "password_changed"
    (row,) = rows
    expect_row(row, cast.viewer, "password_change", cast.viewer, must_change=False, ended_sessions=1)


def test_confirmations_refused_for_their_number_do_not_lock_the_user_out(cast, settings, monkeypatch):
    limits = {**settings.RATE_LIMITS, "password_proof": "1 per hour", "login_name": "3 per hour"}
    monkeypatch.setattr(rate_limits, "limit_of", lambda name: parse(limits[name]))
    user = stored(cast.viewer)
    password_services.check_current_password(actor=user, password=PASSWORD, field="password")
    for _ in range(4):
        with pytest.raises(TooManyAttempts):
            password_services.check_current_password(actor=user, password=PASSWORD, field="password")
    assert not rate_limits.is_exceeded("login_name", login_throttle.account_key(user, "change"))


def test_changing_lifts_a_forced_change(cast):
    password_services.reset_password(actor=cast.admin, user_id=cast.viewer.pk, password=NEW)
    change(cast.viewer, current=NEW, new="Third-Horse-9")
    assert not stored(cast.viewer).must_change_password


def test_a_wrong_current_password_is_refused_on_record(cast, expect_row):
    with audit_rows() as rows, pytest.raises(ValidationFailed) as refusal:
        change(cast.viewer, current="Wrong-Horse-7")
    assert list(refusal.value.errors) == ["current_password"]
    assert stored(cast.viewer).check_password(PASSWORD)
    (row,) = rows
    expect_row(
        row,
        cast.viewer,
        "password_change",
        cast.viewer,
        success=False,
        reason="The current password was wrong.",
    )


def test_attempts_at_the_current_password_and_at_the_sign_in_are_counted_apart(cast):
    for _ in range(10):
        with pytest.raises(ValidationFailed):
            change(cast.viewer, current="Wrong-Horse-7")
        with pytest.raises(InvalidCredentials):
            sign_in_to_pages(identifier="the-manager", password="Wrong-Horse-7")
    with pytest.raises(TooManyAttempts):
        change(cast.viewer)
    assert stored(cast.viewer).check_password(PASSWORD)
    assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    with pytest.raises(TooManyAttempts):
        sign_in_to_pages(identifier="the-manager", password=PASSWORD)
    change(cast.manager)
    assert stored(cast.manager).check_password(NEW)


@pytest.mark.parametrize(
    "weak",
    [
        "Short-7",
        "no-upper-case-7",
        "NO-LOWER-CASE-7",
        "No-digit-here",
        "NoSpecial777",
        "P@ssw0rd",
        "x" * 1020 + "Aa1-x",
        "Rule-Tester7",
        "rULE-tESTER7",
        "Rule-Tester7@lab.example",
    ],
)
def test_a_password_against_the_policy_is_refused(cast, weak):
    user = make_user("Rule-Tester7", "viewer")
    with audit_rows() as rows:
        with pytest.raises(ValidationFailed) as refusal:
            change(user, new=weak)
        assert list(refusal.value.errors) == ["new_password"]
        with pytest.raises(ValidationFailed) as refusal:
            password_services.reset_password(actor=cast.admin, user_id=user.pk, password=weak)
        assert list(refusal.value.errors) == ["password"]
    assert stored(user).check_password(PASSWORD)
    assert rows == []


def test_none_of_the_last_five_is_taken_again(cast):
    used = [PASSWORD, *(f"Horse-Number-{n}" for n in range(1, 6))]
    for current, new in pairwise(used):
        change(cast.viewer, current=current, new=new)
    for recent in used[1:]:
        with pytest.raises(ValidationFailed, match="not valid"):
            change(cast.viewer, current=used[-1], new=recent)
        rate_limits.reset()
    assert cast.viewer.password_history.count() == 4, "with the present one five: no hash is kept for longer"
    change(cast.viewer, current=used[-1], new=used[0])
    assert stored(cast.viewer).check_password(PASSWORD)


# Hashes of another cost


@pytest.fixture
def costly(cast):
    """The viewer, as if their password had been stored when hashing cost twice as much."""
    hasher = BCryptSHA256PasswordHasher()
    hasher.rounds += 1
    User.objects.filter(pk=cast.viewer.pk).update(password=hasher.encode(PASSWORD, hasher.salt()))
    return stored(cast.viewer)


def test_a_hash_of_another_cost_is_replaced_at_the_sign_in(costly):
    assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    assert stored(costly).password.split("$")[3] == f"{BCryptSHA256PasswordHasher.rounds:02}"
    assert stored(costly).check_password(PASSWORD)


def test_replacing_a_hash_does_not_bring_back_a_password_changed_meanwhile(cast, costly):
    password_services.reset_password(actor=cast.admin, user_id=costly.pk, password=NEW)
    assert costly.check_password(PASSWORD)  # read before the reset, checked after it
    assert stored(costly).check_password(NEW)
    assert not stored(costly).check_password(PASSWORD)


# Resetting


def test_a_reset_forces_a_change_ends_sessions_and_leaves_one_row(cast, expect_row):
    session = Caller(cast.viewer).signed_in.session
    with audit_rows() as rows:
        password_services.reset_password(actor=cast.admin, user_id=cast.viewer.pk, password=NEW)
    assert stored(cast.viewer).check_password(NEW)
    assert stored(cast.viewer).must_change_password
    assert Session.objects.get(pk=session.pk).end_reason == "password_changed"
    (row,) = rows
    expect_row(row, cast.admin, "password_reset", cast.viewer, must_change=True, ended_sessions=1)


def test_a_reset_link_is_mailed_and_works_once(cast, expect_row, mailoutbox, django_capture_on_commit_callbacks):
    session = Caller(cast.viewer).signed_in.session
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        password_services.send_password_reset(actor=cast.admin, user_id=cast.viewer.pk)
    (row,) = rows
    expect_row(row, cast.admin, "password_reset", cast.viewer, sent_to="the-viewer@lab.example")
    (mail,) = mailoutbox
    link_token = mail.body.partition("/set-password/")[2].split()[0].split("/")[1]
    assert stored(cast.viewer).check_password(PASSWORD)
    with audit_rows() as rows:
        password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=link_token, new_password=NEW)
    assert stored(cast.viewer).check_password(NEW)
    assert Session.objects.get(pk=session.pk).end_reason == "password_changed"
    (row,) = rows
    expect_row(row, cast.viewer, "password_change", cast.viewer, must_change=False, ended_sessions=1)
    with pytest.raises(NotFound):
        password_services.set_password_by_link(
            user_id=cast.viewer.pk, link_token=link_token, new_password="Third-Horse-9"
        )
    assert stored(cast.viewer).check_password(NEW)


def test_a_link_is_good_for_one_account_alone_and_for_a_limited_time(cast, settings):
    link_token = reset_tokens.make_token(stored(cast.viewer))
    refused = [(cast.manager.pk, link_token), (cast.viewer.pk, link_token + "x"), (cast.viewer.pk, ""), (0, link_token)]
    for user_id, token in refused:
        with pytest.raises(NotFound):
            password_services.set_password_by_link(user_id=user_id, link_token=token, new_password=NEW)
    settings.PASSWORD_RESET_TIMEOUT = -1
    with pytest.raises(NotFound):
        password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=link_token, new_password=NEW)
    assert stored(cast.viewer).check_password(PASSWORD)


def test_a_link_does_not_let_in_who_was_locked_since(cast):
    link_token = reset_tokens.make_token(stored(cast.viewer))
    user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    with pytest.raises(NotFound):
        password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=link_token, new_password=NEW)


RESETS = {
    "with a password": lambda actor, pk: password_services.reset_password(actor=actor, user_id=pk, password=NEW),
    "by a link": lambda actor, pk: password_services.send_password_reset(actor=actor, user_id=pk),
}
by_both = pytest.mark.parametrize("reset", RESETS.values(), ids=RESETS)


@by_both
def test_resetting_needs_the_permission_and_is_refused_on_record(cast, reset, mailoutbox):
    with audit_rows() as rows, pytest.raises(Forbidden):
        reset(cast.manager, cast.viewer.pk)
    assert [(row.username, row.action, row.details["required"]) for row in rows] == [
        ("the-manager", "access_denied", "user_update")
    ]
    assert stored(cast.viewer).check_password(PASSWORD)


@by_both
def test_ones_own_password_is_not_reset_without_the_present_one(cast, reset, mailoutbox):
    for actor in (cast.admin, cast.super_admin):
        with audit_rows() as rows, pytest.raises(Conflict, match="your own account"):
            reset(actor, actor.pk)
        assert stored(actor).check_password(PASSWORD)
        assert rows == []


@by_both
def test_who_is_not_there_can_not_be_reset(cast, reset):
    user_services.delete_user(actor=cast.admin, user_id=cast.viewer.pk)
    for missing in (cast.viewer.pk, 999_999):
        with audit_rows() as rows, pytest.raises(NotFound):
            reset(cast.admin, missing)
        assert rows == []


def test_the_refusal_says_what_helps(cast):
    """Neither unlocking nor activating helps where the time is over or hasn't come."""
    now = timezone.now()
    given = {
        "The account is locked. Unlock it first.": {"locked_at": now},
        "The account is inactive. Activate it first.": {"is_active": False},
        "The account is ended. Give it a later end first.": {"ends_at": now},
        "Send the link then, or let it begin earlier.": {"starts_at": now + timedelta(days=9)},
    }
    for sentence, state in given.items():
        user = make_user(f"user-{len(sentence)}")
        with explicitly_recorded():
            User.objects.filter(pk=user.pk).update(**state)
        with pytest.raises(Conflict, match=sentence):
            password_services.send_password_reset(actor=cast.admin, user_id=user.pk)


@pytest.mark.parametrize("state", ["locked", "inactive"])
def test_no_link_goes_to_who_may_not_sign_in(cast, state, mailoutbox, django_capture_on_commit_callbacks):
    if state == "locked":
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    else:
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, is_active=False)
    with django_capture_on_commit_callbacks(execute=True), audit_rows() as rows, pytest.raises(Conflict, match=state):
        password_services.send_password_reset(actor=cast.admin, user_id=cast.viewer.pk)
    assert mailoutbox == []
    assert rows == []
