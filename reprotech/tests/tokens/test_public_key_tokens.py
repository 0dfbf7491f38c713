"""Tokens that others can check by themselves: signed with Ed25519, their public keys at `/.well-known/jwks.json`."""

import base64
import hashlib
import hmac
import json
import time
from io import StringIO
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import CommandError, call_command

from accounts.sessions import jwt_signing
from audit.models import AuditLog
from reprotech.core.jwk import encode_public_key, parse_public_key, public_key_of, thumbprint
from reprotech.testing.client import Caller, error_of

OLD, NEW, OTHER = (bytes([number]) * 31 + b"\x01" for number in (3, 4, 5))
PATH = "/.well-known/jwks.json"
ISSUER = "https://auth.lab.example"
#: In this order: both sign in with the key.
changes_nothing = pytest.mark.usefixtures("signing", "unchanged")
REFUSED = (401, {"error": "Token is invalid or expired", "code": "token_invalid"})


@pytest.fixture
def signing(settings):
    """Sign with this key, None: with the secret; the public halves of those are listed beside it."""
    settings.PUBLIC_URL = ISSUER

    def replace(seed, *listed):
        settings.JWT_SIGNING_KEY, settings.JWT_PUBLIC_KEYS = seed, [public_key_of(other) for other in listed]

    replace(OLD)
    return replace


def private(seed):
    return Ed25519PrivateKey.from_private_bytes(seed)


def me(token):
    return Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")


def renew(pair):
    return Caller().post("/api/auth/refresh", {"refresh_token": pair.refresh_token})


def listed_keys():
    return {key["kid"]: jwt.PyJWK(key).key for key in Caller().get(PATH).json()["keys"]}


def test_a_token_is_signed_with_the_key_and_says_for_whom_it_is(signing, viewer):
    header = jwt.get_unverified_header(viewer.token)
    assert (header["alg"], header["kid"]) == ("EdDSA", thumbprint(public_key_of(OLD)))
    key = listed_keys()[header["kid"]]
    claims = jwt.decode(viewer.token, key, algorithms=["EdDSA"], audience=ISSUER, issuer=ISSUER)
    assert (claims["type"], claims["sub"], claims["user_id"]) == ("access", str(viewer.user.pk), viewer.user.pk)
    assert me(viewer.token).json()["username"] == "the-viewer"


def test_a_refresh_token_is_not_for_modules(signing, viewer):
    token = viewer.signed_in.pair.refresh_token
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, listed_keys()[thumbprint(public_key_of(OLD))], algorithms=["EdDSA"], audience=ISSUER)
    assert (me(token).status_code, renew(viewer.signed_in.pair).status_code) == (401, 200)


def test_introspection_knows_such_tokens(signing, viewer, admin):
    assert admin.post("/api/auth/introspect", {"token": viewer.token}).json()["username"] == "the-viewer"


def test_nobody_is_signed_out_when_secrets_give_way_to_keys_or_back(signing, cast):
    signing(None)
    secret = Caller(cast.viewer)
    assert jwt.get_unverified_header(secret.token)["alg"] == "HS256"
    signing(OLD)
    public = Caller(cast.admin)
    assert jwt.get_unverified_header(public.token)["alg"] == "EdDSA"
    assert me(secret.token).status_code == me(public.token).status_code == 200
    assert jwt.get_unverified_header(renew(secret.signed_in.pair).json()["access_token"])["alg"] == "EdDSA"
    signing(None, OLD)
    assert me(public.token).status_code == 200
    assert jwt.get_unverified_header(renew(public.signed_in.pair).json()["access_token"])["alg"] == "HS256"


def test_nobody_is_signed_out_when_a_key_is_replaced(signing, viewer):
    token = viewer.token
    signing(NEW, OTHER, OLD)
    assert me(token).status_code == 200
    assert jwt.get_unverified_header(renew(viewer.signed_in.pair).json()["access_token"])["kid"] == thumbprint(
        public_key_of(NEW)
    )
    signing(NEW)
    assert (me(token).status_code, error_of(me(token))) == REFUSED


def test_a_process_that_restarts_later_knows_the_next_key(signing, cast):
    signing(NEW, OLD)
    token = Caller(cast.viewer).token
    signing(OLD, NEW)
    assert me(token).status_code == 200


def test_the_keys_are_public_cacheable_and_no_more_than_public(signing, anonymous, db):
    signing(NEW, OLD)
    response = anonymous.get(PATH)
    assert (response.status_code, response["Cache-Control"]) == (200, "public, max-age=300")
    assert "Cookie" not in response.get("Vary", "")
    keys = response.json()["keys"]
    assert [key["kid"] for key in keys] == [thumbprint(public_key_of(NEW)), thumbprint(public_key_of(OLD))]
    assert {frozenset(key) for key in keys} == {frozenset({"kty", "crv", "use", "alg", "kid", "x"})}
    assert {(key["kty"], key["crv"], key["use"], key["alg"]) for key in keys} == {("OKP", "Ed25519", "sig", "EdDSA")}
    assert base64.urlsafe_b64decode(keys[0]["x"] + "=") == public_key_of(NEW)
    assert anonymous.post(PATH, {}).status_code == 405


@pytest.mark.parametrize("header", [{}, {"HTTP_AUTHORIZATION": "Bearer nonsense"}])
def test_without_keys_the_list_is_empty(anonymous, settings, db, header):
    assert anonymous.get(PATH, **header).json() == {"keys": []}
    assert settings.JWT_SIGNING_KEY is None


def test_the_thumbprint_is_that_of_rfc_8037():
    x = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.quick
def test_the_command_prints_the_public_key_alone(signing):
    printed, told = StringIO(), StringIO()
    call_command("token_key", stdout=printed, stderr=told)
    assert parse_public_key(printed.getvalue().strip()) == public_key_of(OLD)
    assert told.getvalue().strip() == f"kid {thumbprint(public_key_of(OLD))}"
    signing(None)
    with pytest.raises(CommandError, match="JWT_SIGNING_KEY is not set"):
        call_command("token_key", stdout=printed)


# Forgeries


@pytest.fixture
def claims(signing, viewer):
    """What a good access token of the viewer says."""
    found = jwt.decode(viewer.token, options={"verify_signature": False})
    assert found["aud"] == ISSUER
    return found


def part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def with_mac(claims, key, **header):
    """A token signed by HMAC with bytes that libraries refuse as a secret, such as a public key."""
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', **header})}.{part(claims)}"
    mac = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


KID = thumbprint(public_key_of(OLD))


def signed(claims, seed, kid=KID):
    """A token signed with a private key, whatever its claims and the key's name are."""
    content = f"{part({'alg': 'EdDSA', 'typ': 'JWT', 'kid': kid})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(private(seed).sign(content.encode())).rstrip(b"=").decode()
    return f"{content}.{signature}"


def forms_of(public):
    """Every way to write a public key that somebody might take for a secret."""
    key = Ed25519PublicKey.from_public_bytes(public)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [
        public,
        pem,
        pem.strip(),
        der,
        encode_public_key(public).encode(),
        thumbprint(public).encode(),
        str(key).encode(),
    ]


@changes_nothing
def test_a_public_key_is_no_secret_to_sign_with(claims):
    for key in forms_of(public_key_of(OLD)):
        for header in ({"kid": KID}, {}, {"kid": jwt_signing.key_id(encode_public_key(public_key_of(OLD)))}):
            response = me(with_mac(claims, key, **header))
            assert (response.status_code, error_of(response)) == REFUSED


@changes_nothing
@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, "HS256", "ES256", "RS256", "Ed25519", ["EdDSA"]])
def test_a_header_chooses_no_algorithm(claims, alg):
    for signature in ("", part("x")):
        forged = f"{part({'alg': alg, 'typ': 'JWT', 'kid': KID})}.{part(claims)}.{signature}"
        assert (me(forged).status_code, error_of(me(forged))) == REFUSED


@changes_nothing
def test_a_genuine_signature_under_another_header_is_worth_nothing(viewer, claims, settings):
    _, payload, signature = viewer.token.split(".")
    secret = jwt_signing.key_id(settings.JWT_SECRET_KEY)
    for header in ({"alg": "HS256", "kid": secret}, {"alg": "EdDSA", "kid": secret}, {"alg": "EdDSA"}, {"kid": KID}):
        assert me(f"{part(header)}.{payload}.{signature}").status_code == 401


@changes_nothing
@pytest.mark.parametrize("kid", [KID, jwt_signing.key_id("x"), thumbprint(public_key_of(OTHER)), "", "../x", 7, [KID]])
def test_a_foreign_key_signs_nothing(claims, kid):
    assert me(signed(claims, OTHER, kid)).status_code == 401


@changes_nothing
def test_a_token_that_does_not_name_its_public_key_is_none_of_ours(claims):
    assert (me(signed(claims, OLD)).status_code, me(signed(claims, OLD, None)).status_code) == (200, 401)


@changes_nothing
def test_a_key_that_the_token_brings_along_is_not_believed(claims):
    foreign = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public_key_of(OTHER)).decode().rstrip("=")}
    for header in ({"jwk": foreign}, {"jku": "https://evil.example/jwks.json"}, {"x5u": "https://evil.example/x"}):
        for kid in (KID, "evil"):
            token = jwt.encode(claims, private(OTHER), algorithm="EdDSA", headers={"kid": kid, **header})
            assert me(token).status_code == 401


@changes_nothing
def test_keys_of_other_kinds_sign_nothing(claims):
    rsa_key = rsa.generate_private_key(65537, 2048)
    for key, algorithm in ((rsa_key, "RS256"), (rsa_key, "PS256"), (ec.generate_private_key(ec.SECP256R1()), "ES256")):
        assert me(jwt.encode(claims, key, algorithm=algorithm, headers={"kid": KID})).status_code == 401


@changes_nothing
@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.lab.example"},
        {"iss": None},
        {"aud": f"{ISSUER}/api/auth/refresh"},
        {"aud": "https://other.lab.example"},
        {"aud": None},
        {"aud": []},
        {"type": "refresh"},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 10**6},
        {"nbf": int(time.time()) + 10**5},
        {"sid": str(uuid4())},
        {"sub": 7},
    ],
    ids=lambda change: next(iter(change)),  # not the values, which differ from process to process
)
def test_a_token_of_the_genuine_key_for_something_else_opens_nothing(claims, change):
    changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
    assert me(signed(changed, OLD)).status_code == 401
    assert me(signed(claims, OLD)).status_code == 200


def test_refused_tokens_leave_no_row_and_ended_sessions_stay_ended(signing, viewer):
    token = viewer.token
    assert viewer.post("/api/auth/logout").status_code == 200
    rows = AuditLog.objects.count()
    assert (me(token).status_code, AuditLog.objects.count()) == (401, rows)
