"""Second factors, by the services: setting them up, signing in with them, and what is good only once."""

import base64
import time
from datetime import UTC, datetime

import jwt
import pyotp
import pytest
from django.core import mail

from accounts.access import one_time
from accounts.authentication.login import finish_with_tokens, sign_in_to_pages, sign_in_with_tokens
from accounts.core.exceptions import InvalidCredentials, InvalidFactor, SecondFactorRequired, TokenInvalid
from accounts.mfa import pending_login_token, totp
from accounts.mfa import services as mfa_services
from accounts.models import RecoveryCode, Session, TotpKey, User
from accounts.passwords import services as password_services
from accounts.sessions.jwt_signing import LEEWAY_SECONDS
from accounts.throttling import login_throttle, rate_limits
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, Forbidden, TooManyAttempts, ValidationFailed
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import Caller
from reprotech.tests.support.mfa_devices import STEP, App, code_at, give_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(cast, origin):
    """The Viewer's authenticator app."""
    return give_app(cast.viewer)


@pytest.fixture
def fresh(cast, origin):
    """A session that the Viewer opened a moment ago."""
    return sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


def test_an_app_is_set_up_by_its_first_right_code(cast, fresh):
    key = totp.generate_secret()
    with audit_rows() as rows:
        codes = mfa_services.add_authenticator_app(
            actor=cast.viewer, session_id=fresh.pk, key=key, code=pyotp.TOTP(key).now()
        )
    assert len(set(codes)) == 10
    cast.viewer.refresh_from_db()
    assert cast.viewer.second_factors == ["totp"]
    (row,) = rows
    assert (row.username, row.action, row.resource) == ("the-viewer", "factor_add", "factor")
    assert (row.resource_name, row.details) == ("authenticator app", {"kind": "totp"})


def test_a_wrong_first_code_sets_nothing_up(cast, fresh):
    key = totp.generate_secret()
    with pytest.raises(ValidationFailed):
        mfa_services.add_authenticator_app(actor=cast.viewer, session_id=fresh.pk, key=key, code=App(key).wrong_code())
    assert not TotpKey.objects.exists()


def test_a_second_app_is_refused(cast, app, fresh_with_app):
    key = totp.generate_secret()
    with pytest.raises(Conflict, match="already"):
        mfa_services.add_authenticator_app(
            actor=cast.viewer, session_id=fresh_with_app.pk, key=key, code=pyotp.TOTP(key).now()
        )


@pytest.fixture
def fresh_with_app(app):
    """A session that the Viewer opened with their app."""
    return sign_in(app.code()).session


def sign_in(otp="", password=PASSWORD):
    return sign_in_with_tokens(identifier="the-viewer", password=password, otp=otp)


def test_the_password_alone_opens_no_session(cast, app):
    with pytest.raises(SecondFactorRequired) as refused:
        sign_in()
    assert refused.value.kinds == ["totp"]
    assert not cast.viewer.sessions.exists()


def test_a_code_opens_a_session_once(cast, app):
    code = app.code()
    with audit_rows() as rows:
        sign_in(code)
    assert (rows[0].action, rows[0].details) == (
        "login",
        {"kind": "token", "roles": ["Viewer"], "method": "password+totp", "factor": "totp"},
    )
    with pytest.raises(InvalidFactor):
        sign_in(code)
    assert cast.viewer.sessions.count() == 1


def test_no_code_before_a_used_one_is_good_any_more(app):
    sign_in(app.code(ahead=0))
    with pytest.raises(InvalidFactor):
        sign_in(app.code(ahead=-1))
    sign_in(app.code(ahead=1))


# A step further than needed: the time goes on between the code and its check.
@pytest.mark.parametrize("ahead", [-2, 3])
def test_a_code_outside_the_window_is_refused(app, ahead):
    with pytest.raises(InvalidFactor):
        sign_in(app.code(ahead=ahead))


@pytest.mark.parametrize(("ahead", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
@pytest.mark.parametrize("second", [0, 29])
def test_the_window_is_one_step_to_either_side(app, ahead, is_good, second):
    now = 1_000_000 * STEP + second
    code = code_at(base64.b32decode(app.key), now + ahead * STEP)
    assert totp.matching_step(app.key, code, at=now) == (1_000_000 + ahead if is_good else None)


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "abcdef", "\uff11" * 6, "-12345", "\udcff", "A" * 32])
def test_what_is_no_code_is_refused(app, code):
    with pytest.raises((InvalidFactor, SecondFactorRequired)):
        sign_in(code)


def test_a_wrong_code_is_on_record_without_the_code(app):
    code = app.wrong_code()
    with audit_rows() as rows, pytest.raises(InvalidFactor):
        sign_in(code)
    (row,) = rows
    assert (row.action, row.success, row.username) == ("login", False, "the-viewer")
    assert row.details == {"reason": "The second factor is wrong or was used before."}


def test_a_wrong_password_with_a_right_code_spends_nothing(app):
    code = app.code()
    with pytest.raises(InvalidCredentials):
        sign_in(code, password="Wrong-Horse-7")
    sign_in(code)


def test_the_token_of_the_first_step_is_good_once(cast, app):
    token = first_step()
    finish_with_tokens(mfa_token=token, otp=app.code())
    with pytest.raises(TokenInvalid):
        finish_with_tokens(mfa_token=token, otp=app.code(ahead=1))


def first_step():
    with pytest.raises(SecondFactorRequired) as refused:
        sign_in()
    return refused.value.mfa_token


def test_a_wrong_code_does_not_spend_the_token_of_the_first_step(app):
    token = first_step()
    with pytest.raises(InvalidFactor):
        finish_with_tokens(mfa_token=token, otp=app.wrong_code())
    finish_with_tokens(mfa_token=token, otp=app.code())


def test_a_new_password_ends_the_token_of_the_first_step(cast, app):
    token = first_step()
    password_services.reset_password(actor=cast.super_admin, user_id=cast.viewer.pk, password="Other-Horse-8")
    with pytest.raises(TokenInvalid):
        finish_with_tokens(mfa_token=token, otp=app.code())


def test_the_token_of_the_first_step_dies_after_five_minutes(app, monkeypatch):
    token = first_step()
    later = time.time() + 5 * 60 + 6
    import jwt.api_jwt

    class Later(jwt.api_jwt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(later, tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    assert pending_login_token.parse(token) is None


def test_a_used_token_of_the_first_step_is_remembered_for_as_long_as_one_could_pass(app, monkeypatch):
    """Also in the seconds by which another machine's clock may be ahead."""
    token = first_step()
    expires_at = jwt.decode(token, options={"verify_signature": False})["exp"]
    finish_with_tokens(mfa_token=token, otp=app.code())
    for seconds in (3, LEEWAY_SECONDS - 1):
        later = datetime.fromtimestamp(expires_at + seconds, UTC)

        class Later(datetime):
            @classmethod
            def now(cls, tz=None, later=later):
                return later

        monkeypatch.setattr("jwt.api_jwt.datetime", Later)
        monkeypatch.setattr("django.utils.timezone.now", lambda later=later: later)
        one_time._delete_expired()
        assert pending_login_token.parse(token) is not None, "it would still pass"
        with pytest.raises(TokenInvalid):
            finish_with_tokens(mfa_token=token, otp=app.code(ahead=1))


def test_a_locked_account_stays_locked_after_the_first_step(cast, app):
    token = first_step()
    user_services.lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    with pytest.raises(InvalidCredentials):
        finish_with_tokens(mfa_token=token, otp=app.code())


def test_attempts_at_the_code_are_limited_although_the_password_is_right(app):
    for _ in range(10):
        with pytest.raises(InvalidFactor):
            sign_in(app.wrong_code())
    with pytest.raises(TooManyAttempts):
        sign_in(app.code())
    token = first_step()
    with pytest.raises(TooManyAttempts):
        finish_with_tokens(mfa_token=token, otp=app.code())


def test_an_administrator_lets_in_who_failed_too_often(cast, app, django_capture_on_commit_callbacks):
    for _ in range(10):
        with pytest.raises(InvalidFactor):
            sign_in(app.wrong_code())
    with django_capture_on_commit_callbacks(execute=True):
        user_services.unlock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    sign_in(app.code())


def test_a_recovery_code_opens_once_however_it_is_typed(cast, app, django_capture_on_commit_callbacks):
    code = app.recovery_codes[0]
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        sign_in(code.lower().replace("-", " "))
    assert [(row.action, row.details) for row in rows] == [
        ("recovery_code_used", {"left": 9}),
        (
            "login",
            {"kind": "token", "roles": ["Viewer"], "method": "password+recovery_code", "factor": "recovery_code"},
        ),
    ]
    assert "9 are left" in mail.outbox[-1].body
    with pytest.raises(InvalidFactor):
        sign_in(code)
    assert cast.viewer.recovery_codes.count() == 9


def test_someone_elses_recovery_code_opens_nothing(cast, app):
    other = give_app(cast.manager)
    with pytest.raises(InvalidFactor):
        sign_in(other.recovery_codes[0])


def test_new_recovery_codes_replace_the_old(cast, app, fresh_with_app):
    new = mfa_services.renew_recovery_codes(actor=cast.viewer, session_id=fresh_with_app.pk)
    assert not set(new) & set(app.recovery_codes)
    with pytest.raises(InvalidFactor):
        sign_in(app.recovery_codes[1])
    sign_in(new[0])


CHANGES = {
    "add": lambda user, sid: mfa_services.add_authenticator_app(
        actor=user, session_id=sid, key=totp.generate_secret(), code="1"
    ),
    "remove": lambda user, sid: mfa_services.remove_authenticator_app(actor=user, session_id=sid),
    "remove passkey": lambda user, sid: mfa_services.remove_passkey(actor=user, session_id=sid, passkey_id=1),
    "renew": lambda user, sid: mfa_services.renew_recovery_codes(actor=user, session_id=sid),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_old_sign_in_changes_nothing_before_the_password_is_confirmed(cast, app, fresh_with_app, change):
    make_old(fresh_with_app)
    with pytest.raises(ReauthenticationRequired):
        CHANGES[change](cast.viewer, fresh_with_app.pk)
    password_services.confirm_password(actor=cast.viewer, password=PASSWORD, session_id=fresh_with_app.pk)
    try:
        CHANGES[change](cast.viewer, fresh_with_app.pk)
    except ReauthenticationRequired:
        pytest.fail("The confirmed password did not count.")
    except Exception:  # noqa: BLE001, S110 (further refusals are another test's)
        pass


def make_old(session):
    from datetime import timedelta

    from django.utils import timezone

    Session.objects.filter(pk=session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=6))


def test_a_wrong_password_confirms_nothing_and_counts(cast, fresh):
    make_old(fresh)
    for _ in range(10):
        with pytest.raises(ValidationFailed):
            password_services.confirm_password(actor=cast.viewer, password="Wrong-Horse-7", session_id=fresh.pk)
    with pytest.raises(TooManyAttempts):
        password_services.confirm_password(actor=cast.viewer, password=PASSWORD, session_id=fresh.pk)
    fresh.refresh_from_db()
    assert not fresh.is_fresh


def test_someone_elses_session_confirms_nothing(cast, fresh):
    with pytest.raises(ReauthenticationRequired):
        CHANGES["add"](cast.manager, fresh.pk)


def test_the_last_factor_takes_the_recovery_codes_along(cast, app, fresh_with_app, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        mfa_services.remove_authenticator_app(actor=cast.viewer, session_id=fresh_with_app.pk)
    assert "was removed" in mail.outbox[-1].body
    assert not RecoveryCode.objects.exists()
    assert not TotpKey.objects.exists()
    sign_in()


def test_a_factor_that_a_role_requires_stays(cast, app, fresh_with_app):
    cast.viewer.roles.update(requires_factor=True)
    with pytest.raises(Conflict, match="requires"):
        mfa_services.remove_authenticator_app(actor=cast.viewer, session_id=fresh_with_app.pk)
    assert TotpKey.objects.count() == 1
    with pytest.raises(SecondFactorRequired):
        sign_in()


def test_an_administrator_resets_the_factors_of_who_lost_them(
    cast, app, fresh_with_app, expect_row, django_capture_on_commit_callbacks
):
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        mfa_services.reset_factors(actor=cast.super_admin, user_id=cast.viewer.pk)
    expect_row(rows[0], cast.super_admin, "factor_reset", cast.viewer, kinds=["totp"], ended_sessions=1)
    assert "an administrator removed" in mail.outbox[-1].body
    assert not RecoveryCode.objects.exists()
    sign_in()


def test_nobody_resets_the_factors_of_who_holds_more(cast, origin):
    give_app(cast.super_admin)
    with audit_rows() as rows, pytest.raises(Forbidden):
        mfa_services.reset_factors(actor=cast.admin, user_id=cast.super_admin.pk)
    assert rows[0].action == "access_denied"
    with pytest.raises(Forbidden):
        mfa_services.reset_factors(actor=cast.viewer, user_id=cast.stranger.pk)
    assert TotpKey.objects.count() == 1


def test_nobody_resets_their_own_factors(cast, origin):
    give_app(cast.super_admin)
    with pytest.raises(Conflict, match="your own"):
        mfa_services.reset_factors(actor=cast.super_admin, user_id=cast.super_admin.pk)


def test_a_deleted_account_keeps_no_factor(cast, app):
    user_services.delete_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    assert not TotpKey.objects.exists()
    assert not RecoveryCode.objects.exists()


# What a role requires


def test_a_role_that_requires_a_factor_lets_three_sign_ins_pass_and_then_nothing_else(cast, origin):
    cast.viewer.roles.update(requires_factor=True)
    required = []
    for _ in range(4):
        sign_in()
        required.append(User.objects.get(pk=cast.viewer.pk).must_add_factor)
    assert required == [False, False, False, True]


def test_setting_a_factor_up_ends_the_required_action(cast, origin):
    cast.viewer.roles.update(requires_factor=True)
    for _ in range(4):
        session = sign_in().session
    key = totp.generate_secret()
    mfa_services.add_authenticator_app(actor=cast.viewer, session_id=session.pk, key=key, code=pyotp.TOTP(key).now())
    assert Caller(User.objects.get(pk=cast.viewer.pk)).get("/api/audit").json()["code"] == "permission_denied"


def test_attempts_are_forgotten_after_a_right_code(cast, app):
    with pytest.raises(InvalidFactor):
        sign_in(app.wrong_code())
    sign_in(app.code())
    assert not rate_limits.is_exceeded("login_name", login_throttle.account_key(cast.viewer, "factor"))
