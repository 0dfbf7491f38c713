"""Logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.4)."""

import time
from uuid import uuid4

from django.conf import settings

from sso.keys.services import sign_token
from sso.models import LogoutNotice

EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: So that nobody takes it for an ID token (section 2.4).
TOKEN_TYPE = "logout+jwt"  # noqa: S105 (a media type)
#: At most two minutes, as the standard recommends.
LIFETIME_SECONDS = 120


def make_logout_token(notice: LogoutNotice) -> str:
    """A token that says whose session at the application has ended. It has no nonce, which the standard forbids."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": settings.PUBLIC_URL,
        "aud": notice.client_id,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": uuid4().hex,
        "events": {EVENT: {}},
        "sub": str(notice.subject),
        "sid": notice.sid,
    }
    return sign_token(claims, algorithm=notice.target.signing_alg, kind=TOKEN_TYPE)
