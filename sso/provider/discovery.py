"""`/.well-known/openid-configuration` (OpenID Connect Discovery, RFC 8414) and `/oauth/jwks`: only what is there."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from sso.keys.services import published_keys
from sso.models import SigningAlgorithm
from sso.provider.claims import CLAIMS, SCOPES
from sso.provider.client_authentication import BASIC, METHODS, POST
from sso.provider.endpoints import endpoint
from sso.provider.issuer import address, issuer
from sso.provider.tokens.server import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN, answer

#: How long programs may cache both. A new key is published for longer before it signs.
CACHE_SECONDS = 300


@endpoint("GET", "HEAD", shared=True)
def discovery(_request: HttpRequest) -> HttpResponse:
    return _cached(configuration())


@endpoint("GET", "HEAD", shared=True)
def jwks(_request: HttpRequest) -> HttpResponse:
    return _cached({"keys": published_keys()})


def configuration() -> dict[str, object]:
    return {
        "issuer": issuer(),
        "authorization_endpoint": address("oauth_authorize"),
        "token_endpoint": address("oauth_token"),
        "device_authorization_endpoint": address("oauth_device"),
        "userinfo_endpoint": address("oauth_userinfo"),
        "jwks_uri": address("oauth_jwks"),
        "introspection_endpoint": address("oauth_introspect"),
        "revocation_endpoint": address("oauth_revoke"),
        "end_session_endpoint": address("oauth_logout"),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlgorithm.values,
        "token_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_methods_supported": [BASIC, POST],
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def _cached(body: dict[str, object]) -> HttpResponse:
    response = answer(HTTPStatus.OK, body)
    del response["Pragma"]
    response["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response
