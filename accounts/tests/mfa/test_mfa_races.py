"""What is good once is good once also for requests that come at the same moment."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.access.one_time import consume
from accounts.mfa import verification
from accounts.models import RecoveryCode, Session, SpentOnce, TotpKey
from accounts.throttling import rate_limits
from reprotech.testing.cast import PASSWORD, at_once
from reprotech.testing.client import Caller
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, CALLERS = 4, 6


def log_in(otp):
    return Caller().post("/api/auth/login", {"username": "the-viewer", "password": PASSWORD, "otp": otp}).status_code


def test_a_code_opens_one_session(cast):
    for _ in range(ROUNDS):
        rate_limits.reset()  # wrong ones of two rounds, all before a right one, would be too many attempts
        app = give_app(cast.viewer)
        assert sorted(at_once(*[partial(log_in, app.code())] * CALLERS)) == [200] + [401] * (CALLERS - 1)
        TotpKey.objects.all().delete()


def test_a_recovery_code_opens_one_session(cast):
    app = give_app(cast.viewer)
    for code in app.recovery_codes[:ROUNDS]:
        rate_limits.reset()
        assert sorted(at_once(*[partial(log_in, code)] * CALLERS)) == [200] + [401] * (CALLERS - 1)
    assert RecoveryCode.objects.count() == 10 - ROUNDS


def test_the_token_of_the_first_step_opens_one_session_whatever_codes_come_with_it(cast):
    app = give_app(cast.viewer)
    token = Caller().post("/api/auth/login", {"username": "the-viewer", "password": PASSWORD}).json()["mfa_token"]

    def finish(code):
        return Caller().post("/api/auth/login/mfa", {"mfa_token": token, "otp": code}).status_code

    calls = [partial(finish, code) for code in app.recovery_codes[:CALLERS]]
    assert sorted(at_once(*calls)) == [200] + [401] * (CALLERS - 1)
    assert Session.objects.count() == 1
    assert RecoveryCode.objects.count() == 9


def test_a_name_is_used_once(cast):
    for n in range(ROUNDS):
        name, expires_at = f"challenge {n}", timezone.now() + timedelta(minutes=5)

        @transaction.atomic
        def take(name=name, expires_at=expires_at):
            return consume(name, expires_at)

        assert sorted(at_once(*[take] * CALLERS)) == [False] * (CALLERS - 1) + [True]


def test_a_code_is_used_once_even_where_nothing_locks_the_account(cast):
    """The check itself must hold for every caller."""
    for _ in range(ROUNDS):
        app = give_app(cast.viewer)
        check = transaction.atomic(verification.totp_or_recovery_code(app.code()))
        assert sorted(at_once(*[partial(check, cast.viewer)] * CALLERS)) == [""] * (CALLERS - 1) + ["totp"]
        cast.viewer.refresh_from_db()
        TotpKey.objects.all().delete()


def test_what_would_have_expired_is_forgotten(cast):
    for name, age in (("old", -1), ("young", 5)):
        with transaction.atomic():
            assert consume(name, timezone.now() + timedelta(minutes=age))
    assert list(SpentOnce.objects.values_list("name", flat=True)) == ["young"]


def test_a_recovery_code_is_used_once_even_where_nothing_locks_the_account(cast):
    app = give_app(cast.viewer)
    for code in app.recovery_codes[:ROUNDS]:
        check = transaction.atomic(verification.totp_or_recovery_code(code))
        assert sorted(at_once(*[partial(check, cast.viewer)] * CALLERS)) == [""] * (CALLERS - 1) + ["recovery_code"]
