"""That a token is genuine is remembered; whether it is over is asked each time."""

import pickle
import time

import pytest
from django.conf import settings

from accounts.core.exceptions import TokenInvalid
from accounts.sessions import tokens
from accounts.sessions.jwt_signing import LEEWAY_SECONDS
from reprotech.core.process_cache import process_cache

pytestmark = pytest.mark.django_db


def test_a_remembered_token_ends_when_it_says_so(viewer, monkeypatch):
    claims = tokens.verify(viewer.token, tokens.AccessToken)
    with monkeypatch.context() as patched:
        patched.setattr(tokens.AccessToken, "get_token_backend", None)
        assert tokens.verify(viewer.token, tokens.AccessToken) == claims, "it is remembered"
    end = claims.issued_at + settings.ACCESS_TOKEN_LIFETIME.total_seconds() + LEEWAY_SECONDS
    monkeypatch.setattr(time, "time", lambda: end - 1)
    assert tokens.verify(viewer.token, tokens.AccessToken) == claims
    monkeypatch.setattr(time, "time", lambda: end)
    with pytest.raises(TokenInvalid):
        tokens.verify(viewer.token, tokens.AccessToken)


def test_a_remembered_access_token_is_no_refresh_token(viewer):
    tokens.verify(viewer.token, tokens.AccessToken)
    with pytest.raises(TokenInvalid):
        tokens.verify(viewer.token, tokens.RefreshToken)


def test_no_token_is_kept_itself(viewer):
    tokens.verify(viewer.token, tokens.AccessToken)
    kept = pickle.dumps(vars(process_cache)["_cache"])
    assert b"token " in kept
    assert viewer.token.encode() not in kept
