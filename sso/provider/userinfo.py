"""`/oauth/userinfo` (OpenID Connect Core, section 5.3), with the access token as bearer (RFC 6750)."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from accounts.core.client_networks import client_network
from accounts.throttling import rate_limits
from reprotech.core.request_context import current_origin
from sso.provider.claims import OPENID, claims_of
from sso.provider.endpoints import endpoint
from sso.provider.tokens.server import answer
from sso.sign_ins.notices import session_claim
from sso.sign_ins.services import find_by_access_token

REALM = 'Bearer realm="Reprotech"'


@endpoint("GET", "POST", shared=True)
def userinfo(request: HttpRequest) -> HttpResponse:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        # Without an error code: nothing was presented that could be wrong (RFC 6750, section 3.1).
        return _refused(HTTPStatus.UNAUTHORIZED, "")
    sign_in = find_by_access_token(token.strip())
    if sign_in is None:
        rate_limits.count(rate_limits.CALLS, f"userinfo-{client_network(current_origin().ip_address)}")
        return _refused(HTTPStatus.UNAUTHORIZED, "invalid_token")
    rate_limits.count(rate_limits.CALLS, str(sign_in.pk))
    if OPENID not in sign_in.scope.split() or sign_in.session_id is None:
        return _refused(HTTPStatus.FORBIDDEN, "insufficient_scope")
    return answer(HTTPStatus.OK, claims_of(sign_in) | {"sid": session_claim(sign_in.session_id, sign_in.application)})


def _refused(status: HTTPStatus, error: str) -> HttpResponse:
    challenge = f'{REALM}, error="{error}"' if error else REALM
    return answer(status, {"error": error} if error else {}, [("WWW-Authenticate", challenge)])
