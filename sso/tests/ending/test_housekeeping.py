"""What is deleted after a while, in batches, and what stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import audit_rows, make_user
from sso.ending import housekeeping
from sso.models import AppSignIn, DeviceRequest, LogoutNotice
from sso.tests.support.sign_ins import make_application, make_sign_in

pytestmark = pytest.mark.django_db


def ago(**fields):
    return timezone.now() - timedelta(**fields)


@pytest.fixture
def application(cast):
    return make_application("Grafana")


@pytest.fixture
def kept(cast, application):
    """Of each kind the youngest that stays."""
    sign_in = make_sign_in(application, cast.viewer, code_used_at=ago(days=90), code_expires_at=ago(days=90))
    make_sign_in(application, cast.viewer, ended_at=ago(days=29))
    make_sign_in(application, cast.viewer, code_hash="c" * 64, code_expires_at=ago(minutes=1))
    LogoutNotice.objects.create(application=application, sign_in=sign_in, subject=SUBJECT, sid="x")
    LogoutNotice.objects.create(
        application=application, sign_in=sign_in, subject=SUBJECT, sid="x", failed_at=ago(days=29)
    )
    device = {"application": application, "user_code_hash": "u"}
    DeviceRequest.objects.create(device_hash="d", expires_at=ago(hours=1), **device)
    return sign_in


SUBJECT = "11111111-2222-4333-8444-555555555555"


def numbers():
    return [model.objects.count() for model in (AppSignIn, LogoutNotice, DeviceRequest)]


def test_what_is_young_or_in_use_stays(kept):
    before = numbers()
    assert housekeeping.delete_old() == 0
    assert numbers() == before


def test_what_is_old_goes_in_batches_and_without_events(cast, application, kept, monkeypatch):
    monkeypatch.setattr(housekeeping, "BATCH_SIZE", 2)
    before = numbers()
    service = make_user("balance-3", is_service=True, password=None)
    for number in range(5):
        ended = make_sign_in(application, cast.viewer, ended_at=ago(days=31))
        LogoutNotice.objects.create(
            application=application, sign_in=ended, subject=SUBJECT, sid="x", delivered_at=ago(days=2)
        )
        LogoutNotice.objects.create(
            application=application, sign_in=kept, subject=SUBJECT, sid="x", failed_at=ago(days=31)
        )
        make_sign_in(application, cast.viewer, code_hash=f"{number:064}", code_expires_at=ago(hours=3))
        with explicitly_recorded():
            AppSignIn.objects.create(application=application, user=service, access_expires_at=ago(hours=3))
        DeviceRequest.objects.create(
            application=application, user_code_hash="u", device_hash=f"d{number}", expires_at=ago(days=2)
        )
    with audit_rows() as rows:
        assert housekeeping.delete_old() == 30
    assert numbers() == before
    assert not rows
