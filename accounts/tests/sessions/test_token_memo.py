"""That a token is genuine is remembered; whether it is over is asked each time."""

import time

import pytest
from django.conf import settings

from accounts.core.exceptions import TokenInvalid
from accounts.sessions import tokens
from accounts.sessions.jwt_signing import LEEWAY_SECONDS

pytestmark = pytest.mark.django_db


def test_a_remembered_token_ends_when_it_says_so(viewer, monkeypatch):
    claims = tokens.verify(viewer.token, tokens.AccessToken)
    assert tokens.verify(viewer.token, tokens.AccessToken) is claims, "it is remembered"
    end = claims.issued_at + settings.ACCESS_TOKEN_LIFETIME.total_seconds() + LEEWAY_SECONDS
    monkeypatch.setattr(time, "time", lambda: end - 1)
    assert tokens.verify(viewer.token, tokens.AccessToken) is claims
    monkeypatch.setattr(time, "time", lambda: end)
    with pytest.raises(TokenInvalid):
        tokens.verify(viewer.token, tokens.AccessToken)


def test_a_remembered_access_token_is_no_refresh_token(viewer):
    tokens.verify(viewer.token, tokens.AccessToken)
    with pytest.raises(TokenInvalid):
        tokens.verify(viewer.token, tokens.RefreshToken)


def test_no_token_is_kept_itself(viewer):
    tokens.verify(viewer.token, tokens.AccessToken)
    assert viewer.token not in repr(tokens._verified)
