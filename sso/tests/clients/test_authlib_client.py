"""Authlib's client, with nothing of ours in it, from discovery to the sign-out, against a running server."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from sso.tests.clients.conftest import CALLBACK, SIGNED_OUT

SCOPE = "openid profile email roles permissions"


@pytest.fixture(scope="module")
def metadata(provider):
    return requests.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=30).json()


def session_of(client_id, secret, **options):
    method = "client_secret_basic" if secret else "none"
    return OAuth2Session(
        client_id,
        secret or None,
        scope=SCOPE,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        **options,
    )


def sign_in(session, metadata, browser, **parameters):
    """The tokens, and the claims of the ID token, whose signature the published keys check."""
    verifier, nonce = generate_token(48), generate_token(20)
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **parameters
    )
    answer = browser.visit(address)
    assert parse_qs(urlsplit(answer).query)["iss"] == [metadata["issuer"]]
    tokens = session.fetch_token(
        metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
    )
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256", "ES256"]).claims
    assert claims["nonce"] == nonce
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]}, aud={"essential": True, "value": session.client_id}
    ).validate(claims)
    return tokens, claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_from_discovery_to_the_sign_out(provider, metadata, browser, kind, algorithm):
    client_id, secret = provider.register(
        f"Authlib {kind} {algorithm}", kind=kind, signing_alg=algorithm, slug=f"a{kind[:3]}{algorithm[:2].lower()}"
    )
    session = session_of(client_id, secret)
    tokens, claims = sign_in(session, metadata, browser)
    told = session.get(metadata["userinfo_endpoint"], timeout=30).json()
    assert told["sub"] == claims["sub"]
    assert told["preferred_username"] == "admin"
    assert "super_admin" in told["groups"]  # other tests give the administrator more

    renewed = session.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    assert renewed["access_token"] != tokens["access_token"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])

    tokens, _ = sign_in(session, metadata, browser, prompt="none")  # the page session lives
    if secret:
        asked = session.introspect_token(metadata["introspection_endpoint"], token=tokens["access_token"])
        assert asked.json()["active"] is True
    assert session.revoke_token(metadata["revocation_endpoint"], token=tokens["access_token"]).ok
    assert session.get(metadata["userinfo_endpoint"], timeout=30).status_code == 401

    sent = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT, "state": "bye"}
    assert browser.visit(f"{metadata['end_session_endpoint']}?{urlencode(sent)}") == f"{SIGNED_OUT}?state=bye"
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    address, _ = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=generate_token(48), prompt="none"
    )
    assert "error=login_required" in browser.visit(address)
