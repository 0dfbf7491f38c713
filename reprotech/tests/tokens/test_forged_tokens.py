"""A token is good only as it was issued: signed with our key, of its type, for a session that lives."""

import base64
import json
import time
from uuid import uuid4

import jwt
import pytest

from reprotech.testing.client import Caller, error_of

pytestmark = pytest.mark.usefixtures("unchanged")

REFUSED = (401, {"error": "Token is invalid or expired", "code": "token_invalid"})
HOUR, DAY = 3600, 86_400
TIMES = ("iat", "exp", "nbf")
NO_SESSION = "00000000-0000-4000-8000-000000000000"
EVERY_CLAIM = ["user_id", "iat", "exp", "jti", "sid", "type"]


@pytest.fixture
def forge(viewer, settings):
    """Make a token of the viewer's session with claims changed (None: left out; times count from now)."""

    def make(kind="access", key=None, algorithm="HS256", **changed):
        claims = {
            "type": kind,
            "user_id": viewer.user.pk,
            "username": "the-viewer",
            "roles": ["Viewer"],
            "sid": str(viewer.signed_in.session.pk),
            "jti": uuid4().hex,
            "iat": 0,
            "exp": HOUR,
            **changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        claims |= {name: int(time.time()) + claims[name] for name in TIMES if isinstance(claims.get(name), int)}
        return jwt.encode(claims, settings.JWT_SECRET_KEY if key is None else key, algorithm=algorithm)

    return make


def answer(response):
    return response.status_code, error_of(response)


def as_access_token(token):
    return Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")


def as_refresh_token(token):
    return Caller().post("/api/auth/refresh", {"refresh_token": token})


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_token_made_as_we_make_them_is_good(forge):
    assert as_access_token(forge()).status_code == 200


@pytest.mark.parametrize(
    "forgery",
    [
        {"key": "", "algorithm": "none"},
        {"key": "x" * 64},
        {"algorithm": "HS512"},
        {"algorithm": "HS384"},
        {"iat": -2 * HOUR, "exp": -HOUR},
        {"exp": 3650 * DAY},
        {"exp": 10**30},
        {"exp": "tomorrow"},
        {"iat": HOUR, "exp": 2 * HOUR},
        {"nbf": HOUR},
        {"type": "refresh"},
        {"type": "admin"},
        {"type": ["access"]},
        {"user_id": 10**9},
        {"user_id": 2**70},
        {"user_id": "1 OR 1=1"},
        {"user_id": [1]},
        {"user_id": -1},
        {"sid": NO_SESSION},
        {"sid": "nonsense"},
        {"sid": 7},
        {"sid": "\x00"},
        {"jti": 32 * "0" + "x"},
        *({name: None} for name in EVERY_CLAIM),
    ],
    ids=str,
)
def test_a_forged_access_token_opens_nothing(forge, forgery):
    assert answer(as_access_token(forge(**forgery))) == REFUSED


@pytest.mark.parametrize(
    "forgery",
    [
        {"key": "", "algorithm": "none"},
        {"key": "x" * 64},
        {"exp": 3650 * DAY},
        {"type": "access"},
        {"user_id": 10**9},
        {"user_id": 2**70},
        {"sid": NO_SESSION},
        {"sid": 7},
        *({name: None} for name in EVERY_CLAIM),
    ],
    ids=str,
)
def test_a_forged_refresh_token_is_spent_for_nothing(forge, forgery):
    assert answer(as_refresh_token(forge("refresh", **forgery))) == REFUSED


def test_each_token_is_good_for_its_own_use_alone(viewer):
    pair = viewer.signed_in.pair
    assert answer(as_access_token(pair.refresh_token)) == REFUSED
    assert answer(as_refresh_token(pair.access_token)) == REFUSED


def test_an_edited_payload_breaks_the_signature(cast, viewer):
    header, _, signature = viewer.token.split(".")
    claims = jwt.decode(viewer.token, options={"verify_signature": False})
    for edit in ({"user_id": cast.super_admin.pk}, {"roles": ["Super Administrator"]}, {"exp": claims["exp"] + 1}):
        assert answer(as_access_token(f"{header}.{encoded({**claims, **edit})}.{signature}")) == REFUSED


def test_the_session_of_another_does_not_fit(cast, viewer, forge, super_admin):
    assert answer(as_access_token(forge(sid=str(super_admin.signed_in.session.pk)))) == REFUSED
    assert answer(as_access_token(forge(user_id=cast.super_admin.pk))) == REFUSED


def test_roles_written_into_a_token_grant_nothing(forge):
    token = forge(roles=["Super Administrator"], permissions=["user_read"])
    response = Caller().get("/api/users", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (response.status_code, error_of(response)["required"]) == (403, "user_read")


@pytest.mark.parametrize(
    "edit",
    [
        lambda token: token[:-1],
        lambda token: token + ".x",
        lambda token: token.replace(".", "", 1),
        lambda token: f'"{token}"',
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + "x" * 100_000,
        lambda token: f"{token}\x00",
        lambda token: f"{token} {token}",
        lambda token: f"{token}, Basic x",
    ],
)
def test_a_damaged_token_is_refused(viewer, edit):
    assert answer(as_access_token(edit(viewer.token))) == REFUSED


def test_a_token_in_the_address_or_a_cookie_is_not_looked_at(viewer):
    for headers in ({"QUERY_STRING": f"token={viewer.token}"}, {"HTTP_COOKIE": f"reprotech_session={viewer.token}"}):
        response = Caller().get("/api/auth/sessions", **headers)
        assert (response.status_code, error_of(response)["code"]) == (401, "token_missing")
