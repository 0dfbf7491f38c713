"""A token that is odd in any way is refused as every other, at each place that takes one, also if our key signed it."""

import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.core.exceptions import TokenInvalid
from accounts.mfa import pending_login_token
from accounts.sessions import tokens
from accounts.sessions.jwt_signing import key_id
from reprotech.core.jwk import public_key_of, thumbprint
from reprotech.testing.client import Caller, error_of
from reprotech.tests.conftest import state
from reprotech.tests.support.mfa_devices import give_app

REFUSED = (401, {"error": "Token is invalid or expired", "code": "token_invalid"})
SEED = b"\x07" * 31 + b"\x01"
ISSUER = "https://auth.lab.example"
KINDS = ("access", "refresh", "mfa")
#: As JSON, since Python's own writer refuses some of them.
ODD_VALUES = [
    *("null", "true", "false", "0", "-1", "1.5", "-0.0", "NaN", "Infinity", "-Infinity", "1e999"),
    *("9223372036854775808", "18446744073709551617", "1" + "0" * 400, "-1" + "0" * 400),
    *('""', '"1"', '"\\ud800"', '"\\u0000"', '" "', f'"{"x" * 2000}"', '"' + "\u0661" * 32 + '"'),
    *("[]", "[1]", '[""]', "{}", '{"a": 1}', '[{"a": [null]}]', "[" * 1200 + "]" * 1200),
]


def unpadded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture
def secret(settings):
    return settings.JWT_SECRET_KEY


@pytest.fixture
def signed_in(viewer, admin):
    """Both, and that nothing is changed then. The Viewer has a second factor."""
    give_app(viewer.user)
    viewer.user.refresh_from_db()
    assert viewer.token != admin.token
    before = state()
    yield
    assert state() == before


@pytest.fixture
def claims(viewer, signed_in):
    """The claims of a good token of each kind, as JSON, with changes to them (None: left out)."""

    def write(kind, **changed):
        now = int(time.time())
        lifetime = 60 if kind == "mfa" else 3600
        good = {"type": kind, "user_id": viewer.user.pk, "jti": uuid4().hex, "iat": now, "exp": now + lifetime}
        if kind == "mfa":
            good["state"] = pending_login_token._password_state(viewer.user)
        else:
            good["sid"] = str(viewer.signed_in.session.pk)
        texts = {name: json.dumps(value) for name, value in good.items()} | changed
        return "{" + ", ".join(f'"{name}": {text}' for name, text in texts.items() if text is not None) + "}"

    return write


def signed(claims, secret, header=None):
    """A token by our secret, whatever it says."""
    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": key_id(secret)}) if header is None else header
    raw = header if isinstance(header, bytes) else header.encode()
    content = f"{unpadded(raw)}.{unpadded(claims.encode())}"
    return f"{content}.{unpadded(hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest())}"


def signed_by_key(claims, header=None):
    """A token by our key pair, whatever it says."""
    header = {"alg": "EdDSA", "typ": "JWT", "kid": thumbprint(public_key_of(SEED))} if header is None else header
    content = f"{unpadded(json.dumps(header).encode())}.{unpadded(claims.encode())}"
    return f"{content}.{unpadded(Ed25519PrivateKey.from_private_bytes(SEED).sign(content.encode()))}"


def present(kind, token):
    """What the API says to a token of this kind."""
    if kind == "access":
        response = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    elif kind == "refresh":
        response = Caller().post("/api/auth/refresh", {"refresh_token": token})
    else:
        response = Caller().post("/api/auth/login/mfa", {"mfa_token": token, "otp": "no code"})
    return response.status_code, error_of(response) if response.status_code >= 400 else {}


def introspected(asking, token):
    response = asking.post("/api/auth/introspect", {"token": token})
    return response.status_code, response.json()


@pytest.fixture
def refused(admin, signed_in):
    """Assert that a token opens nothing anywhere, as which kind of token it may be presented."""

    def check(token):
        assert [present(kind, token) for kind in KINDS] == [REFUSED] * 3, token[:200]
        assert introspected(admin, token) == (200, {"active": False})

    return check


@pytest.mark.parametrize("kind", ["access", "mfa"])
def test_what_these_tests_change_is_good_before(kind, claims, secret, admin):
    token = signed(claims(kind), secret)
    if kind == "access":
        assert present(kind, token)[0] == 200
        assert introspected(admin, token)[1]["active"] is True
    else:
        assert present(kind, token) == (401, {"error": "Invalid code", "code": "invalid_otp"})


@pytest.mark.parametrize("claim", ["user_id", "sid", "jti", "iat", "exp", "type", "state", "aud", "iss"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_of_any_odd_value_is_refused(kind, claim, claims, secret):
    if claim == ("sid" if kind == "mfa" else "state"):
        return  # this kind has none, and nothing reads it
    for value in [*ODD_VALUES, *([] if claim in ("aud", "iss") else [None])]:
        token = signed(claims(kind, **{claim: value}), secret)
        assert present(kind, token) == REFUSED, (value or "left out")[:50]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_in_another_form_are_refused(kind, claims, secret, viewer):
    now = int(time.time())
    for claim, number in (("user_id", viewer.user.pk), ("iat", now), ("exp", now + 60)):
        for form in (f'"{number}"', f"{number}.0", f"{number}.5", f"[{number}]", f'" {number} "'):
            assert present(kind, signed(claims(kind, **{claim: form}), secret)) == REFUSED, (claim, form)


@pytest.mark.parametrize("kind", KINDS)
def test_times_out_of_range_are_refused(kind, claims, secret):
    now = int(time.time())
    longest = {"access": 3600, "refresh": 30 * 86_400, "mfa": 300}[kind]
    for changed in (
        {"exp": now + longest + 60},
        {"iat": now - longest, "exp": now + 60},
        {"iat": now + 60},
        {"exp": now - 60},
        {"iat": now - 120, "exp": now - 60},
        {"nbf": now + 60},
        *({"nbf": odd} for odd in ("null", "NaN", "Infinity", "[]", "{}", '"x"', "1" + "0" * 400)),
    ):
        texts = {name: str(value) for name, value in changed.items()}
        assert present(kind, signed(claims(kind, **texts), secret)) == REFUSED, changed


@pytest.mark.parametrize("kind", KINDS)
def test_a_genuine_token_is_good_for_its_own_kind_alone(kind, claims, secret, admin):
    token = signed(claims(kind), secret)
    assert [present(other, token) for other in KINDS if other != kind] == [REFUSED] * 2
    assert introspected(admin, token)[1]["active"] is (kind == "access")


ODD_HEADERS = [
    *("", "x", "null", "[]", '"HS256"', "1", "{", "NaN", "[" * 1200, '{"a":' * 500, b"\xff\xfe", b'{"alg": "\xff"}'),
    *({"alg": alg} for alg in (None, "", "none", "NONE", "HS512", "EdDSA", 7, True, [], ["HS256"], {}, "HS256\x00")),
    *({"alg": "HS256", "kid": kid} for kid in (None, "", "unknown", "../x", "x" * 2000, 7, True, [], ["x"], {})),
    *({"alg": "HS256", **more} for more in ({"crit": ["x"]}, {"crit": 7}, {"b64": False}, {"b64": False, "crit": []})),
    {},
    {"typ": "JWT"},
]


def test_an_odd_header_is_refused_although_the_signature_fits(claims, secret, refused):
    for header in ODD_HEADERS:
        written = json.dumps(header) if isinstance(header, dict) else header
        refused(signed(claims("access"), secret, written))


def test_what_is_no_claims_is_refused_although_the_signature_fits(secret, refused):
    for payload in ("", "x", "null", "[]", "[1]", '"x"', "7", "NaN", "{}", "{", "[" * 1200, '{"a":' * 500, "\x00"):
        refused(signed(payload, secret))


def test_broken_text_is_refused(claims, secret, refused):
    header, payload, signature = signed(claims("access"), secret).split(".")
    for text in (
        *(".", "..", "...", "a.b", "a.b.c.d", "é.é.é", "\xff", "=.=.=", "%00", "null", "undefined", "{}"),
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature}=x",
        f"{header}.{payload}.{signature[:-1]}é",
        f"{header}\n.{payload}.{signature}",
        f"{header}.{payload}.{'A' * 3000}",
    ):
        refused(text)


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("Bearer {}", 200),
        ("bearer {}", 200),
        ("BEARER {}", 200),
        ("Bearer   {} ", 200),
        ("", "token_missing"),
        *(
            (odd, "token_invalid")
            for odd in (" ", "Bearer", "Bearer ", "Bearer\t{}", " Bearer {}", "{}", "Bearer {} {}")
        ),
        *((odd, "token_invalid") for odd in ("Token {}", "JWT {}", "Basic {}", "Digest x", "Bearer,{}", "Bearer: {}")),
        *(
            (odd, "token_invalid")
            for odd in ("Bearér {}", "Bearer {}\x00", 'Bearer "{}"', "Bearer {},", "Bearer \xff", "Bearer \u2603")
        ),
    ],
)
def test_the_scheme_and_what_surrounds_a_good_token(viewer, header, answer):
    response = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=header.format(viewer.token, viewer.token))
    if answer == 200:
        assert (response.status_code, response.json()["username"]) == (200, "the-viewer")
    else:
        assert (response.status_code, error_of(response)["code"]) == (401, answer)
        assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("claim", ["aud", "iss"])
def test_a_token_by_the_key_pair_names_issuer_and_audience_in_their_own_form(claim, claims, settings, admin):
    settings.PUBLIC_URL, settings.JWT_SIGNING_KEY = ISSUER, SEED
    for kind, path in (("access", ""), ("refresh", "/api/auth/refresh")):
        good = {"iss": json.dumps(ISSUER), "aud": json.dumps(ISSUER + path)}
        if kind == "access":
            assert present(kind, signed_by_key(claims(kind, **good)))[0] == 200
        for value in [*ODD_VALUES, None, '"https://other.lab.example"']:
            token = signed_by_key(claims(kind, **{**good, claim: value}))
            assert present(kind, token) == REFUSED, (value or "left out")[:50]
            assert introspected(admin, token) == (200, {"active": False})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.text("0123456789abcdef-"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CLAIMS = ("user_id", "sid", "jti", "iat", "exp", "type", "state", "nbf", "aud", "iss", "sub")


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=st.dictionaries(st.sampled_from(CLAIMS), JSON_VALUES, min_size=1), kind=st.sampled_from(KINDS))
@example(changed={"jti": "\ud800"}, kind="refresh")
@example(changed={"user_id": True}, kind="access")
@pytest.mark.slow
def test_reading_signed_nonsense_never_fails_in_another_way(changed, kind, secret):
    now = int(time.time())
    good = {"type": kind, "user_id": 1, "jti": "a" * 32, "iat": now, "exp": now + 60, "sid": str(uuid4())}
    token = signed(json.dumps({**good, "state": "b" * 64, **changed}), secret)
    if kind == "mfa":
        pending_login_token.parse(token)
    else:
        try:
            found = tokens.verify(token, tokens.AccessToken if kind == "access" else tokens.RefreshToken)
        except TokenInvalid:
            return
        assert tokens.hash_token_id(found.token_id)
        assert {type(number) for number in (found.user_id, found.issued_at, found.expires_at)} == {int}


def test_text_that_no_encoding_has_is_no_token():
    for text in ("\ud800", "\ud800.a.b", "a.\udfff.b"):
        assert pending_login_token.parse(text) is None
        for kind in (tokens.AccessToken, tokens.RefreshToken):
            with pytest.raises(TokenInvalid):
                tokens.verify(text, kind)
