"""ID tokens (OpenID Connect Core, section 2), and what is read from those that come back as a hint."""

import time
from dataclasses import dataclass

from authlib.oidc.core.util import create_half_hash

from sso.keys import services as key_services
from sso.keys.signatures import InvalidToken
from sso.models import Application, AppSignIn
from sso.provider.claims import claims_of
from sso.provider.issuer import issuer
from sso.sign_ins.notices import session_claim

MAX_HINT_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class Hint:
    """Whom a genuine ID token is about, for which application and from which session."""

    client_id: str
    subject: str
    sid: str


def make_id_token(sign_in: AppSignIn, *, access_token: str, with_nonce: bool) -> str:
    now, application = int(time.time()), sign_in.application
    claims = claims_of(sign_in) | {
        "iss": issuer(),
        "aud": application.client_id,
        "iat": now,
        "exp": now + int(key_services.ID_TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(sign_in.auth_time.timestamp()),
        "at_hash": create_half_hash(access_token, application.signing_alg).decode("ascii"),
    }
    if sign_in.session_id:
        claims["sid"] = session_claim(sign_in.session_id, application)
    if sign_in.amr:
        claims["amr"] = sign_in.amr
    if with_nonce and sign_in.nonce:
        claims["nonce"] = sign_in.nonce
    return key_services.sign_token(claims, algorithm=application.signing_alg)


def read_hint(token: str, application: Application | None = None) -> Hint | None:
    """What an ID token of ours says, also after it expired; None for any other, or one of another application."""
    if not token or len(token) > MAX_HINT_LENGTH:
        return None
    try:
        claims = key_services.read_own_token(token)
    except InvalidToken:
        return None
    values = [claims.get(name) for name in ("iss", "aud", "sub")]
    # A logout token is signed by the same keys, and is no ID token.
    if not all(isinstance(value, str) for value in values) or values[0] != issuer() or "events" in claims:
        return None
    if application is not None and values[1] != application.client_id:
        return None
    return Hint(client_id=str(values[1]), subject=str(values[2]), sid=str(claims.get("sid", "")))
