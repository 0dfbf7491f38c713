"""What a token stands for (RFC 7662): for the application that it was given to, and for `/api/auth/introspect`."""

from datetime import datetime

from sso.models import Application, AppSignIn
from sso.provider.claims import PERMISSIONS, PROFILE, ROLES, Claims, claims_of, permissions_at
from sso.provider.issuer import issuer
from sso.sign_ins.notices import session_claim
from sso.sign_ins.services import find_by_access_token, find_by_valid_refresh_token

#: Without a reason: nobody may learn more about a token that isn't theirs (RFC 7662, section 2.2).
INACTIVE: Claims = {"active": False}


def introspect_for(application: Application, token: str) -> Claims:
    """The answer to an application; INACTIVE for tokens of others."""
    sign_in = find_by_access_token(token)
    kind, expires_at = "Bearer", sign_in.access_expires_at if sign_in else None
    if sign_in is None:
        sign_in = find_by_valid_refresh_token(token)
        kind, expires_at = "refresh_token", sign_in.session.expires_at if sign_in and sign_in.session else None
    if sign_in is None or sign_in.application_id != application.pk:
        return INACTIVE
    answer = {
        "active": True,
        "iss": issuer(),
        "aud": application.client_id,
        "client_id": application.client_id,
        "token_type": kind,
        "scope": sign_in.scope,
        **_name_of(sign_in),
        **_times(sign_in, expires_at),
        **claims_of(sign_in),
    }
    if sign_in.session_id:
        answer["sid"] = session_claim(sign_in.session_id, application)
    return answer


def introspect_for_module(token: str) -> Claims:
    """The answer to whom `/api/auth/introspect` lets ask. No permission of Reprotech is in it.

    An application must not get rights at lab modules by showing them the token that a person gave to it.
    """
    sign_in = find_by_access_token(token)
    if sign_in is None:
        return INACTIVE
    user, application, scopes = sign_in.user, sign_in.application, sign_in.scope.split()
    answer: Claims = {
        "active": True,
        "sub": str(user.subject.value),
        **_name_of(sign_in),
        **({"user_id": user.pk} if _is_named(sign_in) else {}),
        "is_service": user.is_service,
        "roles": list(user.grants.role_names) if ROLES in scopes else [],
        "permissions": permissions_at(application, user) if PERMISSIONS in scopes else [],
        "scope": sign_in.scope,
        "token_type": "application_token",
        "client_id": application.client_id,
        **_times(sign_in, sign_in.access_expires_at),
    }
    if sign_in.session_id:
        answer["sid"] = session_claim(sign_in.session_id, application)
    return answer


def _is_named(sign_in: AppSignIn) -> bool:
    """Whether the token says who the person is: with `openid` alone it says nothing personal."""
    return PROFILE in sign_in.scope.split() or sign_in.session_id is None


def _name_of(sign_in: AppSignIn) -> Claims:
    return {"username": sign_in.user.username} if _is_named(sign_in) else {}


def _times(sign_in: AppSignIn, expires_at: datetime | None) -> Claims:
    times = {"iat": int(sign_in.last_used_at.timestamp())}
    return {**times, "exp": sign_in.user.credential_end(int(expires_at.timestamp()))} if expires_at else times
