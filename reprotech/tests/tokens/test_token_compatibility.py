"""An update signs nobody out: tokens made before Simple JWT are good, and new ones are for servers of before.

Both are written here with PyJWT alone, as `accounts.sessions.tokens`, `signatures` and `mfa_tokens` did.
"""

import time
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.mfa import pending_login_token
from accounts.sessions import tokens
from accounts.sessions.jwt_signing import key_id
from reprotech.core.jwk import public_key_of, thumbprint
from reprotech.testing.client import Caller
from reprotech.tests.support.mfa_devices import give_app

SEED = b"\x07" * 31 + b"\x01"
ISSUER = "https://auth.lab.example"
REQUIRED = ["user_id", "iat", "exp", "jti", "sid", "type"]
KEYS = ("secret with its name", "secret without a name", "key pair")


@pytest.fixture
def key(request, settings):
    """What signs: it is one of KEYS."""
    settings.PUBLIC_URL = ISSUER
    if request.param == "key pair":
        settings.JWT_SIGNING_KEY = SEED
    return request.param


every_key = pytest.mark.parametrize("key", KEYS, indirect=True)


@pytest.fixture
def as_before(settings, key):
    """Make a token of a session as versions before did."""

    def make(kind, session, lifetime, **more):
        now = int(time.time())
        claims = {"type": kind, "user_id": session.user_id, "sid": str(session.pk), "jti": uuid4().hex, "iat": now}
        claims |= {"exp": now + int(lifetime.total_seconds()), **more}
        if key == "key pair":
            named = {"iss": ISSUER, "aud": audience_of(kind), "sub": str(session.user_id)}
            private, header = Ed25519PrivateKey.from_private_bytes(SEED), {"kid": thumbprint(public_key_of(SEED))}
            return jwt.encode({**named, **claims}, private, algorithm="EdDSA", headers=header)
        header = {"kid": key_id(settings.JWT_SECRET_KEY)} if key == "secret with its name" else None
        return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm="HS256", headers=header)

    return make


def audience_of(kind):
    return ISSUER if kind == "access" else f"{ISSUER}/api/auth/refresh"


@every_key
def test_an_access_token_of_before_is_good(as_before, viewer, settings):
    token = as_before(
        "access", viewer.signed_in.session, settings.ACCESS_TOKEN_LIFETIME, username="the-viewer", roles=["Viewer"]
    )
    answer = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (answer.status_code, answer.json()["username"]) == (200, "the-viewer")


@every_key
def test_a_refresh_token_of_before_is_good_once(as_before, viewer, settings):
    session, jti = viewer.signed_in.session, uuid4().hex
    session.refresh_hash = tokens.hash_token_id(jti)
    session.save(update_fields=["refresh_hash"])
    token = as_before("refresh", session, settings.REFRESH_TOKEN_LIFETIME, jti=jti)
    assert Caller().post("/api/auth/refresh", {"refresh_token": token}).status_code == 200
    assert Caller().post("/api/auth/refresh", {"refresh_token": token}).status_code == 401


def test_a_token_of_before_for_the_second_step_is_good(settings, cast):
    app, now = give_app(cast.viewer), int(time.time())
    cast.viewer.refresh_from_db()
    claims = {
        "type": "mfa",
        "user_id": cast.viewer.pk,
        "jti": uuid4().hex,
        "state": pending_login_token._password_state(cast.viewer),
    }
    token = jwt.encode({**claims, "iat": now, "exp": now + 300}, settings.JWT_SECRET_KEY, algorithm="HS256")
    answer = Caller().post("/api/auth/login/mfa", {"mfa_token": token, "otp": app.code()})
    assert (answer.status_code, answer.json()["user"]["username"]) == (200, "the-viewer")


def read_as_before(token, kind, key, secret):
    """The claims, checked as versions before did."""
    if key == "key pair":
        assert jwt.get_unverified_header(token)["kid"] == thumbprint(public_key_of(SEED))
        checking, algorithm, named = Ed25519PrivateKey.from_private_bytes(SEED).public_key(), "EdDSA", ["iss", "aud"]
        expected = {"audience": audience_of(kind), "issuer": ISSUER}
    else:
        assert jwt.get_unverified_header(token)["kid"] == key_id(secret)
        checking, algorithm, named, expected = secret, "HS256", [], {}
    options = {"require": [*REQUIRED, *named]}
    return jwt.decode(token, checking, algorithms=[algorithm], leeway=5, options=options, **expected)


@pytest.mark.parametrize("key", ["secret with its name", "key pair"], indirect=True)
def test_new_tokens_of_a_session_are_good_for_servers_of_before(key, viewer, settings):
    pair = viewer.signed_in.pair
    access = read_as_before(pair.access_token, "access", key, settings.JWT_SECRET_KEY)
    refresh = read_as_before(pair.refresh_token, "refresh", key, settings.JWT_SECRET_KEY)
    named = {"iss", "aud", "sub"} if key == "key pair" else set()
    assert set(access) == {*REQUIRED, "username", "roles", *named}
    assert set(refresh) == {*REQUIRED, *named}
    for claims, kind, lifetime in (
        (access, "access", settings.ACCESS_TOKEN_LIFETIME),
        (refresh, "refresh", settings.REFRESH_TOKEN_LIFETIME),
    ):
        assert (claims["type"], claims["user_id"]) == (kind, viewer.user.pk)
        assert claims["sid"] == str(viewer.signed_in.session.pk)
        assert claims["exp"] - claims["iat"] == lifetime.total_seconds()
    assert (access["username"], access["roles"]) == ("the-viewer", ["Viewer"])
    assert tokens.hash_token_id(refresh["jti"]) == pair.refresh_hash


def test_a_new_token_of_the_second_step_is_good_for_servers_of_before(settings, cast):
    required = ["user_id", "iat", "exp", "jti", "state", "type"]
    token = pending_login_token.issue(cast.viewer)
    claims = jwt.decode(token, settings.JWT_SECRET_KEY, ["HS256"], leeway=5, options={"require": required})
    assert set(claims) == set(required)
    assert (claims["type"], claims["user_id"]) == ("mfa", cast.viewer.pk)
    assert claims["exp"] - claims["iat"] == 300
    assert len(claims["jti"]) <= 64


def test_simple_jwt_itself_neither_signs_nor_verifies_with_the_secret_key(settings, viewer):
    from rest_framework_simplejwt.tokens import AccessToken

    with pytest.raises(TypeError):
        str(AccessToken())
    claims = jwt.decode(viewer.token, options={"verify_signature": False})
    forged = jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")
    with pytest.raises(TypeError):
        AccessToken(forged)
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {forged}").status_code == 401
    assert Caller().post("/api/auth/refresh", {"refresh_token": forged}).status_code == 401


def test_simple_jwt_brings_no_app_and_no_table(settings):
    from django.apps import apps
    from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

    assert not [app.name for app in apps.get_app_configs() if app.name.startswith("rest_framework_simplejwt")]
    assert OutstandingToken._meta.abstract
