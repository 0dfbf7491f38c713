"""What programs find out by themselves: the provider's document, its keys, and from which origins scripts may ask."""

import pytest
from django.conf import settings
from joserfc.jwk import KeySet

from sso.models import Application, SigningKey
from sso.tests.support.program import change, make_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(client):
    response = client.get("/.well-known/openid-configuration")
    assert response.status_code == 200
    assert response["Cache-Control"] == "public, max-age=300"
    return response.json()


def test_the_issuer_is_the_public_address_whatever_the_host_says(client, settings):
    settings.PUBLIC_URL = "https://id.lab.example"
    settings.ALLOWED_HOSTS = ["other.lab.example"]
    found = client.get("/.well-known/openid-configuration", HTTP_HOST="other.lab.example").json()
    assert found["issuer"] == "https://id.lab.example"
    assert found["token_endpoint"] == "https://id.lab.example/oauth/token"


def test_only_what_is_there_is_offered(document, client):
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "implicit" not in document["grant_types_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert document["authorization_response_iss_parameter_supported"] is True
    for name, address in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{settings.PUBLIC_URL}/oauth/"), name
            assert client.get(address.removeprefix(settings.PUBLIC_URL)).status_code != 404, name


def test_the_keys_have_no_private_half(client):
    response = client.get("/oauth/jwks")
    assert response["Cache-Control"] == "public, max-age=300"
    (key,) = response.json()["keys"]
    assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(key)
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert KeySet.import_key_set(response.json()).keys[0].as_dict()["n"]
    assert SigningKey.objects.get().kid == key["kid"]


SHARED = ("/.well-known/openid-configuration", "/oauth/jwks", "/oauth/userinfo")
ORIGIN = "https://spa.lab.example"


def test_scripts_of_a_public_programs_origin_may_read_the_answers(client):
    make_program("Plates", kind=Application.Kind.PUBLIC, redirect_uris=[f"{ORIGIN}/callback"])
    for path in SHARED:
        response = client.get(path, HTTP_ORIGIN=ORIGIN)
        assert response["Access-Control-Allow-Origin"] == ORIGIN
        assert "Origin" in response["Vary"]
        assert "Access-Control-Allow-Credentials" not in response
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "authorization"}
    response = client.options("/oauth/token", HTTP_ORIGIN=ORIGIN, **asked)
    assert response.status_code == 204
    assert response["Access-Control-Allow-Methods"] == "POST"
    assert "Authorization" in response["Access-Control-Allow-Headers"]


def test_scripts_of_other_origins_may_not(client, program):
    public = make_program("Plates", kind=Application.Kind.PUBLIC, redirect_uris=[f"{ORIGIN}/callback"])
    others = ("https://evil.example", "null", "http://spa.lab.example", f"{ORIGIN}:8443", f"{ORIGIN}.evil.example")
    # A confidential program has a server that asks.
    for origin in (*others, "https://grafana.lab.example"):
        for path in SHARED:
            assert "Access-Control-Allow-Origin" not in client.get(path, HTTP_ORIGIN=origin)
        assert "Access-Control-Allow-Origin" not in client.options("/oauth/token", HTTP_ORIGIN=origin)
    change(public.application, is_active=False)
    assert "Access-Control-Allow-Origin" not in client.get("/oauth/jwks", HTTP_ORIGIN=ORIGIN)
    for path in ("/oauth/introspect", "/oauth/revoke"):
        assert "Access-Control-Allow-Origin" not in client.post(path, HTTP_ORIGIN=ORIGIN)


def test_no_script_may_read_what_authorize_answers(client):
    public = make_program("Plates", kind=Application.Kind.PUBLIC, redirect_uris=[f"{ORIGIN}/callback"])
    for path in ("/oauth/authorize", public.address(redirect_uri=f"{ORIGIN}/callback"), "/oauth/logout"):
        for ask in (client.get, client.post, client.options):
            answered = ask(path, HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET")
            assert not any(name.startswith("Access-Control-") for name in answered.headers), path


def test_a_slash_at_the_end_makes_no_difference(client, db):
    assert client.get("/oauth/jwks/").status_code == 200
    assert client.get("/.well-known/openid-configuration/").status_code == 200
