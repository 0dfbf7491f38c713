"""When a refresh token that needs no page session ends: at the latest, and after it wasn't used for long."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Session
from audit.tracking.model_tracking import explicitly_recorded
from sso.tests.support.program import make_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(cast):
    return make_program(offline_access=True)


@pytest.fixture
def token(program, browser):
    return program.tokens(browser, scope="openid offline_access")["refresh_token"]


def own_session():
    return Session.objects.get(kind=Session.Kind.APP)


def change(**values):
    with explicitly_recorded():
        Session.objects.filter(kind=Session.Kind.APP).update(**values)


def test_offline_access_ends_at_the_latest_however_often_it_is_renewed(program, token):
    session = own_session()
    assert session.ends_at - session.created_at == settings.TOKEN_SESSION_LIFETIME
    latest = timezone.now() + timedelta(minutes=10)
    # Near its end a renewal puts nothing off.
    change(ends_at=latest, expires_at=latest, last_used_at=timezone.now() - timedelta(days=1))
    renewed = program.refresh(token)
    assert renewed.status_code == 200
    assert own_session().expires_at == latest
    change(ends_at=timezone.now(), expires_at=timezone.now())
    assert program.refresh(renewed.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_offline_access_expires_when_nobody_uses_it(program, token):
    in_time = own_session().expires_at - timezone.now()
    assert in_time <= settings.REFRESH_TOKEN_LIFETIME
    change(expires_at=timezone.now() - timedelta(seconds=1))
    assert program.refresh(token).json()["error"] == "invalid_grant"
