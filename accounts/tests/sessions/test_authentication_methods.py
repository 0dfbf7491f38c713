"""What a session knows about how its user authenticated."""

import pytest

from accounts.models import Session
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import page_client
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db


def methods_of(user):
    return Session.objects.get(user=user).authentication_methods


def test_a_password_alone(cast):
    page_client(cast.viewer)
    assert methods_of(cast.viewer) == ["password"]


def test_a_password_and_a_second_factor(cast, client):
    app = give_app(cast.viewer)
    client.post("/login", {"username": "the-viewer", "password": PASSWORD})
    client.post("/login/verify", {"code": app.code()})
    assert methods_of(cast.viewer) == ["password", "totp"]


def test_a_recovery_code_counts_as_what_it_is(cast, client):
    app = give_app(cast.viewer)
    client.post("/login", {"username": "the-viewer", "password": PASSWORD})
    client.post("/login/verify", {"code": app.recovery_codes[0], "is_recovery": "1"})
    assert methods_of(cast.viewer) == ["password", "recovery_code"]


def test_a_confirmed_password_is_named_once(cast):
    me = page_client(cast.viewer)
    for _ in range(2):
        assert me.post("/profile/security/confirm", {"password": PASSWORD}).status_code == 302
    assert methods_of(cast.viewer) == ["password"]


def test_a_token_session_tells_it_too(cast, client):
    sent = {"username": "the-viewer", "password": PASSWORD}
    assert client.post("/api/auth/login", sent, content_type="application/json").status_code == 200
    assert methods_of(cast.viewer) == ["password"]


def test_a_session_of_an_earlier_version_tells_nothing():
    assert Session().authentication_methods == []
